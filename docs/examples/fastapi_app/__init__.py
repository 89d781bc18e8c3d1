"""A small dashboard for the blog of a site, made with FastAPI.

Start a portal with `aioliferay serve`, then:

    LIFERAY_USER=test@liferay.com LIFERAY_PASSWORD=test uvicorn --app-dir docs/examples --factory fastapi_app.app:create_app
"""
