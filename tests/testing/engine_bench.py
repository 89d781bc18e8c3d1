"""An engine with the /foo services, and what the tests of it share."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from foo_services import register_foo

from aioliferay.testing._engine import Engine
from aioliferay.testing._registry import Caller, Registry

if TYPE_CHECKING:
    from aioliferay.testing._registry import Execution

ADMINISTRATOR = Caller(20199, 20155, is_administrator=True)
GUEST = Caller(None, 20155, is_administrator=False)


def foo_registry():
    """A registry with the /foo and /edge services."""
    registry = Registry()
    register_foo(registry)
    return registry


class Bench:
    """An engine with everything noted."""

    def __init__(self, registry, version="6.2", **options):
        self.engine = Engine(registry, version, **({"is_throwable_serialized": True} | options))
        self.journal: list[Execution] = []

    def invoke(self, command, *, caller=ADMINISTRATOR, extra=None, **hooks) -> Any:
        text = command if command is None or isinstance(command, str | bytes) else json.dumps(command)
        return asyncio.run(
            self.engine.invoke(text, caller=caller, extra=extra or {}, request=1, journal=self.journal, **hooks)
        )

    def result(self, command, **options):
        return json.loads(self.invoke(command, **options).body)

    def direct(self, path, *, verb="GET", extra=None, caller=ADMINISTRATOR, **hooks):
        return asyncio.run(
            self.engine.direct(path, verb=verb, caller=caller, extra=extra or {}, request=1, journal=self.journal, **hooks)
        )
