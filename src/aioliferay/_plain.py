"""How most calls are made: without options, of a service and names that were checked before. Where there is more to look at,
they are made with care.

A call that is made in pieces, by way of constructors and checks, costs three times as much, and a batch may have a hundred
thousand of them. So this looks into what it makes.
"""

# ruff: noqa: SLF001 - as above

from __future__ import annotations

import sys
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, Unpack, overload

from pydantic_core import PydanticSerializationError, to_json

from aioliferay._alarms import user_place
from aioliferay._call import Call
from aioliferay._calling import through
from aioliferay._core.codec import NOTHING, adapter_for, forms
from aioliferay._settling import PENDING

if TYPE_CHECKING:
    from collections.abc import Callable

    from aioliferay._calling import CallOptions, Params
    from aioliferay._core.catalog import Catalog
    from aioliferay._core.messages import Form
    from aioliferay._trip import Trip

T = TypeVar("T")
_BETWEEN: Final = through.__code__  # typed services make their calls by way of this
_frame: Final = sys._getframe


class Known:
    """Services of which a session makes calls without a further look: `forms`, by path. A closed session has none."""

    __slots__ = ("__weakref__", "_is_closed", "forms")

    def __init__(self, *, is_closed: bool = False) -> None:
        self.forms: dict[str, Form] = {}
        self._is_closed = is_closed

    def learn(self, path: str, catalog: Catalog | None) -> None:
        """Note that a call of a service was made with care, unless the catalog knows better than its name what it does."""
        form = forms.get(path)
        if form is not None and not self._is_closed and (catalog is None or catalog.reads.get(path) is form.is_read):
            self.forms[path] = form

    def close(self) -> None:
        """Let every further call be made with care."""
        self._is_closed = True
        self.forms.clear()


UNKNOWN: Final = Known(is_closed=True)


class Line(Protocol):
    """Where calls go that are made at a door.

    Attributes:
        known: services whose calls need no further look; `UNKNOWN` if none is to be made without one.
        trip: of the request that the next call will be in.
        append: takes a call.
    """

    known: Known

    @property
    def trip(self) -> Trip | None: ...

    @property
    def append(self) -> Callable[[Call[Any]], object]: ...


class Door:
    """Where calls are made. What becomes of them is told by what it is the door of."""

    _line: Line

    @overload
    def call(self, path: str, params: Params = ..., *, returns: None, **options: Unpack[CallOptions]) -> Call[None]: ...
    @overload
    def call(self, path: str, params: Params = ..., *, returns: type[T], **options: Unpack[CallOptions]) -> Call[T]: ...
    @overload
    def call(self, path: str, params: Params = ..., *, returns: Any = ..., **options: Unpack[CallOptions]) -> Call[Any]: ...
    def call(self, path: str, params: Params = None, *, returns: Any = Any, **options: Unpack[CallOptions]) -> Call[Any]:
        """Call a service. A session's call leaves on the next scheduler tick, a batch's with its batch, awaited or not.

        Args:
            path: `/service/method` or `/context.service/method`, in the portal's spelling (`/blogsentry/get-entry`).
            params: by the portal's names (`{"entryId": 1}`). Dates, bytes, enums, UUIDs and models are encoded. In a batch,
                a parameter may be what an earlier call will bring: `user["contactId"]`, or `sites.each["groupId"]`.
            returns: the type of the result, anything that pydantic understands; None for a call without one. Left out,
                the result is the JSON as it comes (a long is a number on 6.2 and text on 7.x; with `int` it is a number).
            **options: `select=`, a list of property names: the portal cuts the result down to these, and an unknown name
                comes as None; "model" takes the names from the fields of `returns=`. `idempotent=True`, if running it twice
                does no harm; `is_read=True`, if it changes nothing, as is taken of `get*`, `has*` and `is*`. `timeout=`,
                seconds from now within which the call must have ended, in place of the session's, which counts for each
                request; if they are over before it is sent, it never is.

        Raises:
            TypeError: a name, a value or `returns` is of a wrong type.
            ValueError: the path or a name is not plain, or a value is out of range.
            ClosedError: what it is called on, or its session, is closed.
            BatchSplitError: the batch is strict, and an early await has sent a part of it.
            TooManyCallsError: more calls of an automatic batch are pending than `max_pending=` allows.
        """
        line = self._line
        given: Any = {} if params is None else params
        if options or given.__class__ is not dict:
            return self._call_with_care(path, params, returns, options)
        try:
            form = line.known.forms[path]
            kind = value = of_number = None
            for name in given:
                value = given[name]
                kind, of_number = value.__class__, form.of_number[name]
                if not ((kind is int and value.bit_length() < 64) or kind is str or kind is bool or value is None):
                    return self._call_with_care(path, params, returns, options)
            call: Call[Any] = Call()
            if kind is int and len(given) == 1:
                call._form, call._content = of_number, value
            else:
                call._form, call._content = form, to_json(given)
            call._adapter = None
            if returns is not Any:
                call._adapter = NOTHING if returns is None else adapter_for(returns)
                if line.trip is not None:
                    line.trip.is_bare = False
        except (KeyError, TypeError, PydanticSerializationError):  # it is new here, or the careful way tells what is wrong
            return self._call_with_care(path, params, returns, options)
        call._trip = line.trip
        call._end = PENDING
        call._waiters = call._more = None
        frame = _frame(1)
        call._code = code = frame.f_code
        call._place = frame.f_lasti
        if code is _BETWEEN:
            call._code, call._place = user_place(2)
        line.append(call)
        return call

    @abstractmethod
    def _call_with_care(self, path: str, params: Params, returns: Any, options: CallOptions) -> Call[Any]:
        """Make a call of any kind."""
        ...
