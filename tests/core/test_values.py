"""Java objects as Python values."""

from __future__ import annotations

import datetime as dt
import json
import uuid

import pytest
from pydantic import ValidationError

from aioliferay._core import codec
from aioliferay._core.messages import RawParams, Reference
from aioliferay._core.values import OrderByComparator, ServiceContext, Typed, UploadFile, WorkflowAction

_COMPARATOR = "com.liferay.portlet.blogs.util.comparator.EntryDisplayDateComparator"


def _sent(**params):
    ((_, sent),) = json.loads(codec.command("/a/b", params).statement).items()
    return sent


def test_service_context_sends_what_is_set():
    """A service context goes as an object of what is set, in the portal's spelling; dates are milliseconds."""
    context = ServiceContext(
        scope_group_id=20182,
        add_group_permissions=True,
        asset_tag_names=["a"],
        asset_category_ids=[1],
        workflow_action=WorkflowAction.SAVE_DRAFT,
        expando_bridge_attributes={"colour": "red"},
        create_date=dt.datetime(1970, 1, 1, 0, 0, 1, tzinfo=dt.UTC),
        uuid=uuid.UUID(int=0),
        layout_full_url="http://x",
        current_url="/y",
    )
    expected = {
        "scopeGroupId": 20182,
        "addGroupPermissions": True,
        "assetTagNames": ["a"],
        "assetCategoryIds": [1],
        "workflowAction": 2,
        "expandoBridgeAttributes": {"colour": "red"},
        "createDate": 1000,
        "uuid": "00000000-0000-0000-0000-000000000000",
        "layoutFullURL": "http://x",
        "currentURL": "/y",
    }
    assert {"serviceContext": expected} == _sent(serviceContext=context)
    assert {"serviceContext": {}} == _sent(serviceContext=ServiceContext())


def test_service_context_that_is_none_is_left_out():
    """The portal makes a service context where there is none; from null it would make a NullPointerException."""
    assert {"name": "x", "other": None} == _sent(name="x", serviceContext=None, other=None)
    statement = codec.command("/a/b", RawParams(serviceContext=None)).statement
    assert {"/a/b": {"serviceContext": None}} == json.loads(statement)


def test_service_context_takes_the_portals_names_and_no_others():
    """The portal's own spelling is taken too; a name that it would ignore is refused."""
    assert 5 == ServiceContext.model_validate({"scopeGroupId": 5}).scope_group_id
    with pytest.raises(ValidationError, match="scope_group"):
        ServiceContext(scope_group=1)


def test_comparator_names_its_class():
    """A comparator goes as `+name: class`, the form that makes the portal instantiate one (`protocol.md` A.5)."""
    assert {"+obc": _COMPARATOR, "start": 0} == _sent(obc=OrderByComparator(_COMPARATOR), start=0)


def test_typed_value_goes_as_json_text():
    """With a value, a class goes as `name:class` with JSON text: an object would be dropped (`protocol.md` A.5)."""
    sent = _sent(map=Typed("java.util.HashMap", {"a": dt.datetime(1970, 1, 1, tzinfo=dt.UTC)}))
    assert {"map:java.util.HashMap": '{"a":0}'} == sent
    assert {"m:a.B": '{"a":1}'} == _sent(m=Typed("a.B", '{"a":1}'))
    assert {"+map": "a.B$C"} == _sent(map=Typed("a.B$C"))


@pytest.mark.parametrize("name", ["", "java util", "a.B:c", "a-b", ".a", "a.", "x\n", "$a = /b"])
def test_typed_refuses_what_names_no_class(name):
    """A class is code to the portal: what is no plain class name is refused."""
    with pytest.raises(ValueError, match="does not name a Java class"):
        Typed(name)
    with pytest.raises(TypeError, match="named by text, not int"):
        OrderByComparator(5)


def test_typed_beside_a_reference_keeps_its_class():
    """A class is not lost where a parameter still waits for another call's result."""
    waiting = codec.command("/a/b", {"x": Reference(object(), "y"), "obc": Typed("a.B"), "m": Typed("a.M", {})})
    bound = codec.bind(waiting, {"x": 1})
    assert {"/a/b": {"x": 1, "+obc": "a.B", "m:a.M": "{}"}} == json.loads(bound.statement)


@pytest.mark.parametrize("value", [[Typed("a.B")], {"k": OrderByComparator("a.B")}])
def test_typed_inside_another_value_is_refused(value):
    """The portal reads classes in the names of parameters only."""
    with pytest.raises(TypeError, match="inside another value"):
        _sent(x=value)


def test_file_is_refused_with_the_remedy():
    """A file never travels in a batch, also not inside another value; the text says what to do, and shows no content."""
    for value in (UploadFile(b"secret"), [UploadFile(b"secret")]):
        with pytest.raises(TypeError, match=r"a file never travels in a batch: give it to session\.upload") as caught:
            _sent(file=value)
        assert "secret" not in str(caught.value)
    assert "secret" not in repr(UploadFile(b"secret", "a.txt"))
