"""How most calls are made: without options, of names that were checked before. Gives up where there is more to look at.

A call that is made in pieces, by way of constructors and checks, costs three times as much, and a batch may have a hundred
thousand of them. So this looks into what it makes.
"""

# ruff: noqa: SLF001 - as above

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import PydanticSerializationError, to_json

from aioliferay import _calling
from aioliferay._alarms import user_place
from aioliferay._call import Call
from aioliferay._core.codec import NOTHING, adapter_for, forms, plain_names

if TYPE_CHECKING:
    from aioliferay._calling import Params
    from aioliferay._core.catalog import Catalog
    from aioliferay._settling import Sender

_BETWEEN: Final[Any] = vars(_calling)  # the names of the module that typed services make their calls through
_form_of: Final = forms.get
_new: Final[Any] = Call.__new__
_frame: Final = sys._getframe


def plain_call(path: str, params: Params, returns: Any, sender: Sender | None, catalog: Catalog | None) -> Call[Any] | None:
    """Make a call for who called the function that calls this; None if there is more to look at.

    The call is as `make_call` would have made it.
    """
    form = _form_of(path)
    given: Any = {} if params is None else params
    if form is None or given.__class__ is not dict:
        return None
    if catalog is not None and catalog.reads.get(path) is not form.is_read:
        return None
    for name, value in given.items():
        kind = value.__class__
        if name not in plain_names or not (
            (kind is int and -0x8000_0000_0000_0000 <= value <= 0x7FFF_FFFF_FFFF_FFFF)
            or kind is str
            or kind is bool
            or value is None
        ):
            return None
    call: Call[Any] = _new(Call)
    try:
        call._statement = to_json(given)
        call._adapter = NOTHING if returns is None else None if returns is Any else adapter_for(returns)
    except (TypeError, PydanticSerializationError):  # the other way tells what is wrong, and where
        return None
    call._form = form
    call._sender = sender
    call._outcome = None
    call._trip = None
    call._waiters = None
    call._more = None
    frame = _frame(2)
    if frame.f_globals is _BETWEEN:
        call._code, call._place = user_place(2)
    else:
        call._code = frame.f_code
        call._place = frame.f_lasti
    return call
