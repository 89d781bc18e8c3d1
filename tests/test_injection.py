"""Nothing foreign gets into a statement: arbitrary text as path, name or value runs no other service than the named one."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aioliferay import Session
from aioliferay.testing import FakePortal

pytestmark = pytest.mark.slow

NAMED = "/country/get-country-by-a2"
SIGNS = "$@+-.:=[]/{}\"'\\ \n\t"
hostile = st.one_of(
    st.text(max_size=30),
    st.text(alphabet=SIGNS + "abcxuserIdgetdelete", max_size=40),
    st.sampled_from(
        [
            "$x = /user/get-user-by-id",
            "$x[a] = /company/get-company-by-web-id",
            "x.$y = /user/get-user-by-id",
            "@a2",
            "+a2",
            "-a2",
            "a2:java.io.File",
            "/user/get-user-by-id",
            "$u = /user/get-user-by-id",
            "/country/get-country-by-a2\n",
            "/country/get-country-by-a2 ",
            " /country/get-country-by-a2",
            "/country/get-country-by-a2?a=/user/get-user-by-id",
            'x":{}},{"/user/get-user-by-id":{"userId',
        ]
    ),
)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | hostile,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile, inner, max_size=3),
    max_leaves=8,
)


async def _executed(version, path, params, select=None):
    portal = FakePortal(version)
    client = httpx.AsyncClient(transport=portal.transport())
    async with Session(portal.url, auth=("test@liferay.com", "test"), http=client) as session, session.batch() as batch:
        try:
            batch.call(path, params, select=select)
        except (TypeError, ValueError):
            return None
        await batch.invoke(return_exceptions=True)
    return [execution.path for execution in portal.executions]


@pytest.mark.parametrize("version", ["6.2", "7.4"])
@given(name=hostile, value=json_values)
def test_parameter_name_runs_nothing_else(version, name, value):
    """Whatever a parameter is called and holds, it is refused or only the named service runs."""
    executed = asyncio.run(_executed(version, NAMED, {"a2": "BR", name: value}))
    assert executed is None or set(executed) <= {NAMED}


@pytest.mark.parametrize("version", ["6.2", "7.4"])
@given(path=hostile)
def test_path_runs_nothing_else(version, path):
    """Whatever stands for a path, it is refused or only the service of exactly that path runs."""
    executed = asyncio.run(_executed(version, path, {"userId": 20199, "a2": "BR"}))
    assert executed is None or set(executed) <= {path}


@given(select=st.lists(hostile, max_size=3))
def test_select_runs_nothing_else(select):
    """Whatever stands in `select=`, it is refused or only the named service runs."""
    executed = asyncio.run(_executed("6.2", NAMED, {"a2": "BR"}, select))
    assert executed is None or set(executed) <= {NAMED}


def test_injection_is_possible_where_it_is_meant():
    """The check above can fail: what RawParams lets through does run another service."""
    from aioliferay import RawParams  # noqa: PLC0415 - only here

    nested = RawParams({"a2": "BR", "$u = /user/get-user-by-id": {"userId": 20199}})
    assert asyncio.run(_executed("6.2", NAMED, nested)) == [NAMED, "/user/get-user-by-id"]
