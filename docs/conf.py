"""Settings of Sphinx. Build with `nox -s docs`, or `sphinx-build -W docs docs/_build`."""
# ruff: noqa: INP001 - Sphinx wants its settings in a folder that is no package

from importlib.metadata import version as _version_of

from sphinx.application import Sphinx

project = "aioliferay"
author = "the aioliferay authors"
release = version = _version_of("aioliferay")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "examples"]
myst_heading_anchors = 3
myst_enable_extensions = ["deflist"]
default_role = "code"  # docstrings write names in single backquotes, as Markdown does

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True


def _keep_colon(_app: object, what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    # napoleon takes "word: rest" in the docstring of a property for "type: description"
    if what == "property" and ": " in lines[0]:
        head, _, rest = lines[0].partition(": ")
        lines[:1] = [f"{head}:", rest]


def setup(app: Sphinx) -> None:
    """Mend docstrings before napoleon reads them."""
    app.connect("autodoc-process-docstring", _keep_colon, priority=400)


html_theme = "furo"
html_title = f"aioliferay {release}"
