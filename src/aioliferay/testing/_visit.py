"""One request to the JSON services, from its caller to the engine's answer. Knows no HTML and no cookies."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, NamedTuple, cast

import anyio

from aioliferay.testing._engine import Answer
from aioliferay.testing._java import JavaError
from aioliferay.testing._web import utf8_text

if TYPE_CHECKING:
    from aioliferay.testing._engine import Engine
    from aioliferay.testing._faults import Fault
    from aioliferay.testing._registry import Caller, Execution
    from aioliferay.testing._web import Incoming


@dataclasses.dataclass(frozen=True, slots=True)
class Visit:
    """What one request is to the engine. `statement_cost` in seconds."""

    engine: Engine
    caller: Caller
    fault: Fault
    journal: list[Execution]
    number: int
    statement_cost: float

    async def invoke(self, incoming: Incoming) -> Answer:
        """Run the command of a request to /invoke.

        Raises `ConnectionCutError` where the fault says so.
        """
        try:
            command = utf8_text(incoming.command)
        except JavaError as error:
            return self.engine.failure(error)
        return await self.engine.invoke(
            command,
            caller=self.caller,
            extra=incoming.parameters,
            request=self.number,
            journal=self.journal,
            before=self._before,
            after=self._after,
        )

    async def direct(self, path: str, incoming: Incoming, *, verb: str) -> Answer:
        """Call the service of a direct URL, or of a JSON-RPC call posted to it."""
        call = _json_rpc_call(path, incoming) if verb == "POST" else None
        if call is None:
            return await self._direct(path, incoming.parameters, verb=verb)
        answer = await self._direct(f"{path}/{call.method}", incoming.parameters | call.parameters, verb=None)
        return _wrapped(answer, call)

    async def _direct(self, path: str, parameters: dict[str, object], *, verb: str | None) -> Answer:
        return await self.engine.direct(
            path,
            caller=self.caller,
            extra=parameters,
            request=self.number,
            journal=self.journal,
            verb=verb,
            before=self._before,
            after=self._after,
        )

    async def _before(self, index: int) -> None:
        self.fault.before_statement(index)
        if self.statement_cost:
            await anyio.sleep(self.statement_cost)

    async def _after(self, index: int) -> None:
        self.fault.after_statement(index)


class _JsonRpcCall(NamedTuple):
    method: str
    parameters: dict[str, object]
    echo: dict[str, object]


def _json_rpc_call(path: str, incoming: Incoming) -> _JsonRpcCall | None:
    """The JSON-RPC call in the body; 6.2 sees none where the id is text, parameters are positional, or calls are several."""
    has_parameters = path.count("/") > 2  # `/service/method` has two
    command = incoming.command
    if has_parameters or not isinstance(command, bytes) or not command.strip().startswith(b"{"):
        return None
    try:
        sent = cast("dict[str, object]", json.loads(command))
    except ValueError:
        return None
    method, parameters = sent.get("method"), sent.get("params", {})
    if not isinstance(method, str) or not isinstance(parameters, dict) or not isinstance(sent.get("id", 0), int):
        return None
    echo: dict[str, object] = {name: sent[name] for name in ("id", "jsonrpc") if name in sent}
    return _JsonRpcCall(method, cast("dict[str, object]", parameters), echo)


def _wrapped(answer: Answer, call: _JsonRpcCall) -> Answer:
    if answer.is_error:
        return answer
    rest = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in call.echo.items())
    return Answer(answer.status, b'{"result":' + answer.body + rest.encode() + b"}", is_error=False)
