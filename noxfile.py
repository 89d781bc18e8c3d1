"""The project's sessions; `nox -s tests` is the test line of the README. Each installs what it needs by itself."""

from __future__ import annotations

import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests", "lint", "typing", "wheel", "docs", "demo"]
nox.options.default_venv_backend = "venv"
PROJECT = nox.project.load_toml("pyproject.toml")
GENERATED = [f"tests/test_{name}.py" for name in ("faults_scenarios", "graphs", "dependent_faults")]
INSTALLED = [f"tests/{name}" for name in (
    "testing", "test_cli.py", "test_codegen.py", "test_dask.py", "test_end_to_end.py", "test_exports.py",
    "test_fastapi_app.py", "test_generated_services.py", "test_services_end_to_end.py",
)]  # fmt: skip
SEVERAL = ("-n", "logical", "--maxprocesses", "4", "--dist", "worksteal")


def group(name: str) -> list[str]:
    """Return the packages of a dependency group: the pip of a fresh machine may be older than `--group`."""
    return list(nox.project.dependency_groups(PROJECT, name))


@nox.session
def tests(session: nox.Session) -> None:
    """Run the whole test suite in several processes, all but slow tests with coverage; arguments go to pytest."""
    session.install("-q", "-e", ".[all]", *group("test"), *group("docs"))
    if session.posargs:
        session.run("pytest", *session.posargs)
        return
    session.run("coverage", "erase")
    session.run("pytest", "-q", *SEVERAL, "-m", "not slow", env={"COVERAGE_PROCESS_START": "pyproject.toml"})
    session.run("coverage", "combine", "-q")
    session.run("coverage", "report", "--include=*/aioliferay/_core/*", "--fail-under=100")
    session.run("coverage", "report", "--omit=*/aioliferay/_core/*", "--fail-under=95")
    session.run("pytest", "-q", *SEVERAL, "-m", "slow")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    session.install("-q", *group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types of the library and of the tests of its public face, with mypy and pyright, both strict."""
    session.install("-q", "-e", ".[all]", *group("typing"))
    session.run("mypy")
    session.run("mypy", "tests/typing")
    session.run("pyright")
    session.run("pyright", "--verifytypes", "aioliferay", "--ignoreexternal")


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel, install it alone in a clean environment and run the tests of what users see against it."""
    out = Path(session.create_tmp()) / "dist"
    session.install("-q", "build")
    session.run("python", "-m", "build", "-q", "--outdir", str(out), silent=True)
    (built,) = sorted(out.glob("*.whl"), key=lambda path: path.stat().st_mtime)[-1:]
    session.install(
        "-q", "--force-reinstall", f"aioliferay[all] @ {built.resolve().as_uri()}", *group("test"), *group("docs")
    )
    # Not from the source tree: what is imported must be what was installed.
    where = session.run("python", "-P", "-c", "import aioliferay; print(aioliferay.__file__)", silent=True)
    if "site-packages" not in str(where):
        session.error(f"the tests would not run against the wheel, but against {where}")
    session.run("pytest", "-q", "-p", "no:cacheprovider", *INSTALLED)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; its code blocks are executed by the tests."""
    session.install("-q", "-e", ".[all]", *group("docs"))
    session.run("sphinx-build", "-q", "-W", "-b", "html", "docs", "docs/_build/html")


@nox.session
def demo(session: nox.Session) -> None:
    """Run the main job, as the README's first line does."""
    session.install("-q", ".[cli]")
    session.run("aioliferay", "demo", env={"COLUMNS": os.environ.get("COLUMNS", "100")})


@nox.session
def soak(session: nox.Session) -> None:
    """Play 50,000 scenarios of faults, and graphs of dependent calls, or as many as the first argument says.

    Takes a quarter of an hour for the scenarios, and half of that for the graphs.
    """
    session.install("-q", "-e", ".[all]", *group("test"))
    count = session.posargs[0] if session.posargs else "50000"
    counts = {"AIOLIFERAY_SCENARIOS": count, "AIOLIFERAY_GRAPHS": count}
    session.run("pytest", "-q", "-o", "faulthandler_timeout=0", "tests/test_load.py", *GENERATED, env=counts)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the library against its peers; see `nox -s bench -- --help`. A full run takes 45 minutes, undisturbed.

    It writes the tables and plots of `docs/explanation/performance.md`.
    """
    session.install("-q", "-e", ".[testing]", *group("bench"))
    session.run("python", "tests/benchmarks/bench.py", *session.posargs)
