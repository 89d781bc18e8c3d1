"""The application: a page, the same as JSON, an endpoint that deletes, and one that tells whether the portal answers."""

from html import escape
from pathlib import Path
from string import Template

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse

from aioliferay import LiferayError, ServerError
from aioliferay.fastapi import AutoDep, BatchDep, OwnSessionDep, install_handlers, portal_lifespan

from .blog import Dashboard, read_dashboard
from .settings import Settings

PAGE = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))
ROW = Template('<tr><td>$date</td><td>$title</td><td>$author</td><td><button data-entry="$id">delete</button></td></tr>')


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the application; uvicorn calls this in each of its processes."""
    settings = settings or Settings.from_environment()
    portal = portal_lifespan(settings.server, forward=settings.forward, **settings.options)
    app = FastAPI(title="Blog", lifespan=portal)
    install_handlers(app)

    @app.get("/")
    async def page(calls: AutoDep) -> HTMLResponse:
        """Show the dashboard: eight calls, in one request with those of everybody who is the same user."""
        return HTMLResponse(html_of(await read_dashboard(calls, settings.site)))

    @app.get("/api/dashboard")
    async def dashboard(batch: BatchDep) -> Dashboard:
        """Tell what the dashboard shows: eight calls, in one request of this user's own."""
        return await read_dashboard(batch, settings.site)

    @app.delete("/api/entries/{entry_id}", status_code=204)
    async def delete_entry(entry_id: int, batch: BatchDep) -> None:
        """Delete an entry. Nothing is awaited: the batch is sent before the response, and its failure is the response."""
        batch.call("/blogsentry/delete-entry", {"entryId": entry_id}, returns=None)

    @app.get("/health")
    async def health(session: OwnSessionDep) -> JSONResponse:
        """Tell whether the portal answers, whoever asks; that it refuses to answer strangers is an answer, too."""
        try:
            await session.call("/portal/get-build-number", timeout=3.0)
        except ServerError:
            pass
        except LiferayError:
            return JSONResponse({"portal": "down"}, 503)
        return JSONResponse({"portal": "up"})

    return app


def html_of(dashboard: Dashboard) -> str:
    """Put the dashboard into the page; whatever users wrote is escaped."""
    rows = [
        ROW.substitute(
            date=f"{entry.date:%d %B %Y}", title=escape(entry.title), author=escape(entry.author), id=entry.entry_id
        )
        for entry in dashboard.newest
    ]
    return PAGE.substitute(
        company=escape(dashboard.company),
        name=escape(dashboard.user.first_name),
        sites=escape(", ".join(site.url for site in dashboard.sites) or "no site"),
        entries=dashboard.entries,
        in_trash=dashboard.in_trash,
        tags=dashboard.tags,
        rows="\n".join(rows),
        build=dashboard.build,
    )
