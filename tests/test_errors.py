"""Every error of the library."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from aioliferay import errors
from aioliferay.errors import (
    AccessDeniedError,
    AuthenticationError,
    BatchError,
    BatchSplitError,
    ClosedError,
    ConnectError,
    DependencyError,
    LiferayError,
    NoAnswerError,
    NoSuchServiceError,
    NotFoundError,
    ProtocolError,
    RedirectError,
    ResultError,
    ServerError,
    TransportError,
)

_KINDS = [
    member
    for _, member in inspect.getmembers(errors, inspect.isclass)
    if issubclass(member, LiferayError) and member is not BatchError
]
_TEXTS = {
    "exception": "com.liferay.portal.NoSuchUserException",
    "message": "no user with id 7",
    "location": "http://elsewhere.test/",
    "excerpt": "<html>",
    "value": [1, {"a": None}],
    "status": 418,
    "calls": 3,
    "path": "/user/get-user-by-id",
}


def _made(kind):
    """Make an error with every attribute that its constructor knows."""
    known = inspect.signature(kind.__init__).parameters
    return kind("why", **{name: value for name, value in _TEXTS.items() if name in known and name != "message"})


def _tree_of_docstring():
    """Read the drawn tree as pairs of a class and its parent."""
    pairs, above = {}, []
    for line in errors.__doc__.splitlines():
        if match := re.match(r"^    ([│ ]*)(?:[├└]── )?(\w+Error)\b(.*)", line):
            is_root = "──" not in line
            depth = 0 if is_root else len(match[1]) // 4 + 1
            above[depth:] = [match[2]]
            pairs[match[2]] = above[depth - 1] if depth else None
    return pairs


def test_tree_in_the_docstring():
    """The tree that the documentation shows is the real one."""
    real = {}
    for _, member in inspect.getmembers(errors, inspect.isclass):
        if issubclass(member, LiferayError):
            parents = [base.__name__ for base in member.__mro__[1:] if issubclass(base, LiferayError)]
            real[member.__name__] = {*parents} or {None}
    drawn = _tree_of_docstring()
    assert sorted(real) == sorted(drawn)
    assert all(parent in real[name] for name, parent in drawn.items())
    assert {name for name, parent in drawn.items() if parent is None} == {"LiferayError"}


@pytest.mark.parametrize(
    ("kind", "also"),
    [
        (ConnectError, errors.NotSentError),
        (ConnectError, TransportError),
        (DependencyError, errors.NotSentError),
        (errors.NotSettledError, RuntimeError),
        (ClosedError, RuntimeError),
        (ClosedError, errors.NotSentError),
        (BatchSplitError, RuntimeError),
        (BatchError, ExceptionGroup),
    ],
)
def test_tree_also(kind, also):
    """What the tree says in brackets holds: some errors are of two families."""
    assert issubclass(kind, also)


def test_tree_shadows_no_builtin():
    """No error has the name of one of Python's own."""
    assert not {kind.__name__ for kind in [*_KINDS, BatchError]} & set(
        dir(__builtins__) if inspect.ismodule(__builtins__) else ()
    )


@pytest.mark.parametrize("kind", _KINDS)
def test_error_without_arguments(kind):
    """Every error can be made with nothing, and shown."""
    assert str(kind()) == str(kind(""))
    assert repr(kind()).startswith(kind.__name__)


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301 - pickled here
def test_error_copies_and_pickles(kind, twin_of):
    """An error keeps its class, its text and all its attributes when it is copied or crosses a process border."""
    error = _made(kind)
    twin = twin_of(error)
    assert type(error) is type(twin)
    assert str(error) == str(twin)
    assert vars(error) == vars(twin)


@pytest.mark.parametrize("kind", [*_KINDS, BatchError])
def test_for_call_is_a_copy(kind):
    """The error of a call names its path; the original, its cause and its notes stay as they were."""
    error = BatchError("2 failed", [ServerError("a")]) if kind is BatchError else kind("why")
    error.__cause__ = OSError("cause")
    error.add_note("a note")
    twin = error.for_call("/user/get-user-by-id")
    twin.add_note("another")
    assert type(error) is type(twin)
    assert (None, "/user/get-user-by-id") == (error.path, twin.path)
    assert error.__cause__ is twin.__cause__
    assert (["a note"], ["a note", "another"]) == (error.__notes__, twin.__notes__)


def test_for_call_without_notes():
    """A copy of an error without notes has none either."""
    assert not hasattr(ServerError("no").for_call("/a/b"), "__notes__")


@pytest.mark.parametrize("kind", _KINDS)
def test_error_text_names_the_call(kind):
    """The text of every error begins with the path of its call, where it has one."""
    assert str(kind("why", path="/user/get-user-by-id")).startswith("/user/get-user-by-id")
    assert not str(kind("why")).startswith("None")


@pytest.mark.parametrize(
    ("expected", "error"),
    [
        ("why", LiferayError("why")),
        ("/a/b: why", NoAnswerError("why", path="/a/b")),
        ("the portal gives no reason", ServerError()),
        ("/a/b was refused: the portal gives no reason", ServerError(path="/a/b")),
        ("/a/b was refused: no (java.lang.X)", ServerError("no", exception="java.lang.X", path="/a/b")),
        ("java.lang.X", ServerError("java.lang.X", exception="java.lang.X")),
        ("no [status 500]", ServerError("no", status=500)),
        ("no; check the credentials given as auth=", AuthenticationError("no")),
        (
            "/a/b was refused: No JSON web service action; check the path and the names of all parameters: "
            + NoSuchServiceError.remedy.rpartition(": ")[2],
            NoSuchServiceError("No JSON web service action", path="/a/b"),
        ),
        ("/a/b was refused: the portal gives no reason [status 403]", AccessDeniedError(status=403, path="/a/b")),
        ("the portal refused the batch of 2 calls and does not say which one failed: no", ServerError("no", calls=2)),
        (
            "/a/b: the portal refused the batch of 2 calls and does not say which one failed: no (X) [status 404]",
            NotFoundError("no", exception="X", status=404, calls=2, path="/a/b"),
        ),
        ("/a/b: it redirects", RedirectError("it redirects", location="http://x/", path="/a/b")),
        ("/a/b: HTML", ProtocolError("HTML", status=502, excerpt="<html>", path="/a/b")),
        ("/a/b: no int", ResultError("no int", value="x", path="/a/b")),
    ],
)
def test_error_text(expected, error):
    """Texts say what the portal said, and what to do about it."""
    assert expected == str(error)


@pytest.mark.parametrize(
    ("is_one", "exception", "name"),
    [
        (True, "com.liferay.portlet.blogs.NoSuchEntryException", "NoSuchEntryException"),
        (True, "com.liferay.portlet.blogs.NoSuchEntryException", "com.liferay.portlet.blogs.NoSuchEntryException"),
        (False, "com.liferay.portlet.blogs.NoSuchEntryException", "EntryException"),
        (False, "com.liferay.portlet.blogs.NoSuchEntryException", "blogs.NoSuchEntryException"),
        (False, "com.liferay.portlet.blogs.NoSuchEntryException", "com.liferay.blogs.NoSuchEntryException"),
        (True, "com.x.PrincipalException$MustHavePermission", "PrincipalException"),
        (True, "com.x.PrincipalException$MustHavePermission", "com.x.PrincipalException"),
        (True, "com.x.PrincipalException$MustHavePermission", "MustHavePermission"),
        (True, "com.x.PrincipalException$MustHavePermission", "PrincipalException$MustHavePermission"),
        (True, "com.x.PrincipalException$MustHavePermission", "com.x.PrincipalException$MustHavePermission"),
        (True, "NoPackageException", "NoPackageException"),
        (False, "", ""),
        (False, "", "NoSuchEntryException"),
        (False, "java.lang.X", ""),
    ],
)
def test_is_a(is_one, exception, name):
    """A Java class is known by its full name or by its last part; an inner class also by its outer one."""
    assert is_one is ServerError(exception=exception).is_a(name)


def _batch_error():
    return BatchError("2 of 3 calls failed", [NotFoundError("a", path="/a/b"), ConnectError("b", path="/c/d")])


def test_batch_error_text():
    """The error of a batch says how many failed, and shows the first."""
    assert str(_batch_error()) == "2 of 3 calls failed; the first: /a/b was refused: a"


def test_batch_error_is_caught_as_a_whole():
    """One `except` catches it as an error of this library, and shows each failed call."""
    with pytest.raises(LiferayError) as caught:
        raise _batch_error()
    assert ["/a/b", "/c/d"] == [error.path for error in caught.value.exceptions]


def test_batch_error_is_caught_in_parts():
    """`except*` takes the parts by their class, and each part is a `BatchError` again."""
    caught = []
    try:
        raise _batch_error()
    except* NotFoundError as found:
        caught.append(found)
    except* TransportError as network:
        caught.append(network)
    assert [BatchError, BatchError] == [type(part) for part in caught]
    assert [["/a/b"], ["/c/d"]] == [[error.path for error in part.exceptions] for part in caught]


def test_batch_error_split():
    """`split` and `subgroup` keep class, text and notes."""
    error = _batch_error()
    error.add_note("a note")
    network, rest = error.split(TransportError)
    assert (BatchError, BatchError, None) == (type(network), type(rest), error.subgroup(KeyError))
    assert network is not None
    assert (["a note"], "2 of 3 calls failed") == (network.__notes__, network.message)


@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301 - pickled here
def test_batch_error_copies_and_pickles(twin_of):
    """The error of a batch keeps its parts when it is copied or crosses a process border."""
    twin = twin_of(_batch_error())
    assert str(_batch_error()) == str(twin)
    assert [NotFoundError, ConnectError] == [type(error) for error in twin.exceptions]


def test_batch_error_needs_errors():
    """As every `ExceptionGroup`, it holds at least one error, and only errors."""
    with pytest.raises(ValueError, match="non-empty"):
        BatchError("nothing failed", [])
    with pytest.raises((TypeError, ValueError)):
        BatchError("cancelled", [KeyboardInterrupt()])
