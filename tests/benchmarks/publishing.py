"""What becomes of a report: files, plots, and the marked places of the page. Knows no measurement."""

from __future__ import annotations

import importlib.util
import json
import re
from typing import TYPE_CHECKING, Any

from noise import Figure
from sections import Measured, Table, tables, targets_table

if TYPE_CHECKING:
    from pathlib import Path

PLOTS = {  # by the table that they stand above: the file, and what it shows
    "cpu": ("cpu.svg", "client CPU for a call against the number of calls"),
    "staggered": ("automatic.svg", "percentiles of what calls take, automatic batch and aiodataloader"),
    "portal-basic": ("portal.svg", "what reads from a portal take, by the way in which they are made"),
}
PLACE = re.compile(r"(<!-- measured: (?P<name>[a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_NONE_YET = "*Not measured yet.*"


def figures(report: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures of the targets."""
    return {name: Figure.of(values) for name, values in report["targets"].items()}


def tables_of(report: dict[str, Any]) -> list[Table]:
    """Return all tables that the report has figures for."""
    made = [targets_table(figures(report)), *tables(Measured(report["samples"]))]
    return [table for table in made if table.rows]


def write(report: dict[str, Any], folder: Path) -> None:
    """Write the report, and what can be plotted of it."""
    folder.mkdir(parents=True, exist_ok=True)
    about = {name: value for name, value in report.items() if name != "samples"}
    lines = [f"  {json.dumps(label)}: {json.dumps(rounds)}" for label, rounds in report["samples"].items()]
    text = json.dumps(about, indent=1, ensure_ascii=False).removesuffix("\n}")
    text += ',\n "samples": {\n' + ",\n".join(lines) + "\n }\n}\n"
    (folder / "results.json").write_text(text, encoding="utf-8")
    if importlib.util.find_spec("matplotlib") is not None:
        import plots  # noqa: PLC0415 - the smoke test runs where there is no matplotlib

        plots.draw(Measured(report["samples"]), folder)


def short(value: Any) -> Any:
    """Return the value with floats of five digits: nobody can measure more."""
    if isinstance(value, dict):
        return {key: short(part) for key, part in value.items()}
    if isinstance(value, list):
        return [short(part) for part in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def page_with(page: str, report: dict[str, Any]) -> str:
    """Return the page with the report's tables and plots in the places that are marked for them."""
    texts = {table.name: str(table) for table in tables_of(report)} | {"about": _about(report)}

    def filled(match: re.Match[str]) -> str:
        name = match["name"]
        text = texts.get(name, _NONE_YET)
        if name in PLOTS and name in texts:
            file, title = PLOTS[name]
            text = f"![{title}](performance/{file})\n\n{text}"
        return f"{match[1]}\n{text}\n\n{match[3]}"

    return PLACE.sub(filled, page)


def _about(report: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    json_text = "takes orjson where it is installed" if report["faster JSON in the library"] else "uses pydantic's JSON only"
    return (
        f"Measured on {report['date']}: {report['python']}, {report['system']}, over {report['transport']}; medians of "
        f"{report['rounds']} rounds. The library {json_text}.\n\n{versions}."
    )
