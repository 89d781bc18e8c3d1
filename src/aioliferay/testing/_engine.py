"""Runs commands as the portal's invoker and its direct URLs do. Knows no HTTP."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, cast

from aioliferay.testing._invoker import Invoker
from aioliferay.testing._java import JavaError, Version, as_java
from aioliferay.testing._json import JsonError, JsonWriter, StackOverflow, parse
from aioliferay.testing._parameters import Parameters, arguments, ordered
from aioliferay.testing._registry import Action, Caller, Execution, Registry, split_context

if TYPE_CHECKING:
    from aioliferay.testing._statements import Statement

Hook = Callable[[int], Awaitable[None]]
NO_SUCH_ACTION = "com.liferay.portal.kernel.jsonwebservice.NoSuchJSONWebServiceException"


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """Status, JSON text in UTF-8, and whether it is an error; `is_page` where the server answers a page of its own."""

    status: int
    body: bytes
    is_error: bool
    is_page: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class _Request:
    caller: Caller
    extra: Mapping[str, object]
    number: int
    journal: list[Execution]


class Engine:
    """The invoker of one portal.

    `is_throwable_serialized` False makes every error body of 7.x `{}`; None is the version's default, False for 7.4.
    `java` is the server's Java version (its strings have a getter more since 11).
    """

    def __init__(
        self, registry: Registry, version: Version, *, is_throwable_serialized: bool | None = None, java: int = 8
    ) -> None:
        self._registry = registry
        self._version: Version = version
        self._is_throwable_serialized = version != "7.4" if is_throwable_serialized is None else is_throwable_serialized
        self._java = java

    async def invoke(  # noqa: PLR0913 # all by name; they belong to the request, not to the engine
        self,
        command: str | bytes | None,
        *,
        caller: Caller,
        extra: Mapping[str, object],
        request: int,
        journal: list[Execution],
        before: Hook | None = None,
        after: Hook | None = None,
    ) -> Answer:
        """Run a command text; None is a request without any.

        `extra` are the other request parameters, merged into every statement. `before` and `after` are awaited around
        each top-level statement (from 0); what they raise passes through. Each service method run is noted in
        `journal`. What a service raises besides `JavaError` passes through too: it is a mistake in the fake.
        """
        context = _Request(caller, extra, request, journal)

        async def call(statement: Statement, place: int) -> object:
            return await self._call(statement, place, context)

        try:
            invoker = Invoker(self._version, call, java=self._java)
            return self._success(invoker.write(await self._run(invoker, self._parse(command), before, after)))
        except JavaError as error:
            return self.failure(error)
        except (StackOverflow, RecursionError):
            return Answer(500, b"", is_error=True, is_page=True)

    async def direct(  # noqa: PLR0913 # as above
        self,
        path: str,
        *,
        caller: Caller,
        extra: Mapping[str, object],
        request: int,
        journal: list[Execution],
        verb: str | None = "GET",
        before: Hook | None = None,
        after: Hook | None = None,
    ) -> Answer:
        """Run a direct URL: `path` is what follows /api/jsonws, decoded, as `/foo/hello-world/user-id/1`.

        `extra` are the parameters of query and form, over those in the path: text, a list of text for one sent
        several times, `File` for a part with a file name. A `verb` of None says JSON-RPC: `extra` is then JSON.
        """
        try:
            if before is not None:
                await before(0)
            try:
                result = await self._direct(path, verb, _Request(caller, extra, request, journal))
            finally:
                if after is not None:
                    await after(0)
            return self._success("{}" if result is None else JsonWriter(self._version).write(result))
        except JavaError as error:
            return self.failure(error)
        except (StackOverflow, RecursionError):
            return Answer(500, b"", is_error=True, is_page=True)

    def failure(self, error: JavaError) -> Answer:
        """The answer for an error."""
        if self._version == "6.2":
            body: dict[str, object] = {"exception": error.java_class, "message": _message(error)}
            return Answer(200, JsonWriter("6.2").write(body).encode("utf-8", "replace"), is_error=True)
        body = _throwable(error) if self._is_throwable_serialized else {}
        text = JsonWriter(self._version).write(body)
        return Answer(_status(error, self._version), text.encode("utf-8", "replace"), is_error=True)

    def _success(self, text: str) -> Answer:
        return Answer(200, text.encode("utf-8", "replace"), is_error=False)

    def _parse(self, command: str | bytes | None) -> object:
        try:
            text = command.decode() if isinstance(command, bytes) else command or ""
            return parse(text, self._version)
        except UnicodeDecodeError as error:
            text = "java.nio.charset.MalformedInputException: Input length = 1"
            raise JavaError("java.lang.IllegalArgumentException", text) from error
        except JsonError as error:
            cause = JavaError(error.java_class, error.text)
            raise JavaError("java.lang.IllegalStateException", "Unable to deserialize object", cause=cause) from error

    async def _run(self, invoker: Invoker, command: object, before: Hook | None, after: Hook | None) -> object:
        if not isinstance(command, dict | list):
            raise JavaError("java.lang.IllegalArgumentException")
        results: list[object] = []
        items = cast("list[object]", command) if isinstance(command, list) else [cast("object", command)]
        for place, item in enumerate(items):
            if before is not None:
                await before(place)
            try:
                results.append(await invoker.run(item, place))
            finally:
                if after is not None:
                    await after(place)
        return results if isinstance(command, list) else results[0]

    async def _call(self, statement: Statement, place: int, request: _Request) -> object:
        sent = Parameters()
        sent.put_request(request.extra)
        sent.put_sent(ordered(statement.parameters, self._version, size=statement.size))
        unresolved = {name for name, _ in statement.flags} - statement.parameters.keys()
        action = self._find(statement.path, sent, request.caller, unresolved)
        if action is None:
            raise self._no_such_action(statement.path, None, "with path")
        return await self._perform(action, sent, place, request)

    async def _direct(self, path: str, verb: str | None, request: _Request) -> object:
        # A JSON-RPC call's method is put behind the path after the parameters in it were looked for.
        slash = -1 if verb is None else path.find("/", path.find("/", 1) + 1 or len(path))
        bare, parts = (path, "") if slash == -1 else (path[:slash], path[slash:])
        sent = Parameters()
        sent.put_path(parts.split("/"))
        sent.put_request(request.extra, is_json_rpc=verb is None)
        action = self._find(bare, sent, request.caller, set())
        if action is None:
            raise self._no_such_action(bare, verb, "associated with path" if self._version == "6.2" else "with path")
        return await self._perform(action, sent, 0, request)

    def _find(self, path: str, sent: Parameters, caller: Caller, barred: set[str]) -> Action | None:
        """The method; if there is none, once more with what the portal itself knows of the caller."""
        action = self._registry.find(path, sent.values, self._version)
        if action is not None or caller.user_id is None:
            return action
        known = {"userId": caller.user_id, "companyId": caller.company_id}
        defaults = {name: value for name, value in known.items() if name not in barred | sent.values.keys()}
        sent.values.update(defaults)
        return self._registry.find(path, sent.values, self._version)

    def _no_such_action(self, path: str, verb: str | None, wording: str) -> JavaError:
        context, rest = split_context(path)
        method = "null" if verb is None else verb
        if self._version == "6.2":
            text = f"No JSON web service action {wording} {rest} and method {method} for /{context or ''}"
            return JavaError("java.lang.RuntimeException", text)
        owner = "null" if context is None else context[1:]
        return JavaError(NO_SUCH_ACTION, f"No JSON web service action {wording} {path} and method {method} for {owner}")

    async def _perform(self, action: Action, sent: Parameters, place: int, request: _Request) -> object:
        prepared = arguments(action, sent, self._version, self._registry.classes)
        if request.caller.user_id is None and not action.is_guest_open:
            text = "Authenticated access required" if self._version == "6.2" else f"Access denied to {action.interface}"
            raise JavaError("java.lang.SecurityException", text)
        given = {parameter.argument: prepared[parameter.name] for parameter in action.parameters}
        if action.caller_argument is not None:
            given[action.caller_argument] = request.caller
        error: str | None = None
        try:
            result = action.function(**given)
            return as_java(await result if inspect.isawaitable(result) else result, action.returns)
        except Exception as failure:
            error = failure.java_class if isinstance(failure, JavaError) else type(failure).__name__
            raise
        finally:
            user_id = request.caller.user_id
            request.journal.append(Execution(action.path, prepared, user_id, request.number, place, error))


def _message(error: JavaError) -> str:
    return error.java_class if error.message in (None, "", "null") else error.message or ""


def _throwable(error: JavaError) -> dict[str, object]:
    text = error.message or error.java_class
    body: dict[str, object] = {
        "exception": text,
        "throwable": str(error),
        "error": {"message": text, "type": error.java_class},
    }
    root = error
    while root.cause is not None:
        root = root.cause
    if root is not error:
        body["rootCause"] = {"message": root.message or root.java_class, "type": root.java_class}
    return body


def _status(error: JavaError, version: Version) -> int:
    name = error.java_class.rpartition(".")[2]
    if name == "NoSuchJSONWebServiceException" or (error.is_not_found and version == "7.4"):
        return 404
    is_refused = "PrincipalException" in error.java_class or name.startswith("SecurityException")
    return 403 if is_refused else 500
