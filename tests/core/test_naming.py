"""Names of Java, of paths and of Python."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay import catalogs
from aioliferay._core import naming

_JAVA = st.from_regex(r"[a-z][a-z0-9]*([A-Z][a-z0-9]*){0,6}", fullmatch=True)
_PYTHON = st.from_regex(r"[a-z][a-z0-9]{0,5}(_[a-z][a-z0-9]{0,5}){0,4}", fullmatch=True)


@pytest.mark.parametrize(
    ("java", "python"),
    [
        ("entryId", "entry_id"),
        ("classPK", "class_pk"),
        ("friendlyURLMap", "friendly_url_map"),
        ("displayDateGT", "display_date_gt"),
        ("commerceBOMEntryId", "commerce_bom_entry_id"),
        ("inUseSSL", "in_use_ssl"),
        ("street1", "street1"),
        ("a2", "a2"),
        ("classPKs", "class_p_ks"),
        ("inputStreamOVPs", "input_stream_ov_ps"),
        ("from", "from_"),
        ("timeout", "timeout_"),
        ("select", "select_"),
        ("self", "self_"),
    ],
)
def test_snake(java, python):
    """A run of capitals is one word, as in Liferay's dashed names; what Python or a call's options have taken gets a `_`."""
    assert python == naming.snake(java)
    assert naming.normalized(java) == naming.camel(python)


@pytest.mark.parametrize(
    ("java", "compared"),
    [
        ("badNAME", "badName"),
        ("camelCASEWord", "camelCaseWord"),
        ("camelCase", "camelCase"),
        ("classPK", "classPk"),
        ("", ""),
    ],
)
def test_normalized(java, compared):
    """The portal compares names with runs of capitals shortened to their first (`CamelCaseUtilTest`, `protocol.md` A.5)."""
    assert compared == naming.normalized(java)


@pytest.mark.parametrize(
    ("python", "path"),
    [
        ("get_entry", "get-entry"),
        ("get_country_by_a2", "get-country-by-a2"),
        ("test_add_class_name__rollback", "test-add-class-name_-rollback"),
        ("import_", "import"),
        ("get_", "get-"),
    ],
)
def test_dashed(python, path):
    """A method in Python is dashed in its path; of two underscores the first is kept (`protocol.md` A.9)."""
    assert path == naming.dashed(python)


@pytest.mark.parametrize(("python", "java"), [("a__b", "a_B"), ("from_", "from"), ("entry_id", "entryId"), ("x", "x")])
def test_camel(python, java):
    """A parameter in Python is camelCase on the wire; of two underscores the first is kept."""
    assert java == naming.camel(python)


@given(_JAVA)
def test_camel_is_what_the_portal_compares(java):
    """From Java to Python and back, a name is what the portal compares: nothing is lost on the way."""
    assert naming.normalized(java) == naming.camel(naming.snake(java))


@given(_PYTHON)
def test_dashed_and_back(python):
    """A path leads back to the method in Python that it came from."""
    assert python == naming.dashed(python).replace("-", "_")


@pytest.mark.parametrize("version", catalogs.KNOWN)
def test_names_of_every_catalog(version):
    """Every method and parameter of every catalog can be called without one: the names lead back to those on the wire."""
    for action in catalogs.shipped(version).actions:
        assert action.path == f"/{action.service}/{naming.dashed(action.python_name)}"
        for parameter in action.parameters:
            assert re.fullmatch(r"[a-z][a-z0-9_]*", parameter.python_name)
            assert naming.normalized(parameter.name) == naming.camel(parameter.python_name)


def test_nearest():
    """The nearest name is found whatever its case, and none if none is near."""
    assert "getEntry" == naming.nearest("getentri", ["getEntry", "addEntry"])
    assert naming.nearest("zzz", ["getEntry"]) is None
    assert naming.nearest("a", []) is None
