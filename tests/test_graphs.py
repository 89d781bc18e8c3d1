"""Calls that need results of others, in graphs of every form: each has what it would have if the calls were run one by one.

`AIOLIFERAY_GRAPHS` sets how many graphs are generated.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from pydantic import TypeAdapter, ValidationError

from aioliferay import BatchLimits, DependencyError, Failed, LiferayError, NotSent, Ok, ResultError, ServerError, Unknown
from graphs import LISTS, RETURNS, VERSIONS, Graph, Node, Portal, Ref, Service, graphs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aioliferay import Outcome, Session
    from aioliferay.testing import Execution
    from graphs import Exchange

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("AIOLIFERAY_GRAPHS", "5000"))
MODES = ("nested", "staged", "auto")
CHUNK = 2_500  # graphs in one test: Hypothesis remembers every example, and no test may take 300 s
LONGEST = 30  # seconds for one graph: it would hang
QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}


# One by one, with plain Python.


class MissingError(Exception):
    """What a call refers to is not there: `parents` failed, or (`is_lacking`) a result has no such property."""

    def __init__(self, parents: Sequence[int], *, is_lacking: bool) -> None:
        super().__init__(parents, is_lacking)
        self.parents = parents
        self.is_lacking = is_lacking


class Fate(NamedTuple):
    """What a call has alone: its result as it came, that as the caller wants it, or an error."""

    raw: Any = None
    value: Any = None
    error: Exception | None = None

    @property
    def has_run(self) -> bool:
        """Whether the portal did what was asked."""
        return self.error is None or isinstance(self.error, ValidationError)


async def alone(graph: Graph, portal: Portal) -> tuple[list[Fate], list[Execution]]:
    """Run the calls one by one, and return what each has and what the portal ran."""
    portal.reset()
    session = portal.session()
    fates: list[Fate] = []
    for place, node in enumerate(graph.nodes):
        try:
            values, shape = _filled(node, graph.nodes, fates)
            raw = await _run(session, graph, place, values, shape)
            fates.append(Fate(raw, _fitted(_cut(raw, node.selected), node.returns)))
        except ValidationError as error:
            fates.append(Fate(raw, error=error))
        except (MissingError, LiferayError) as error:
            fates.append(Fate(error=error))
    return fates, list(portal.fake.executions)


async def _run(session: Session, graph: Graph, place: int, values: dict[str, Any], shape: object) -> Any:
    """Run a call, or one for each element; all of these run, whatever becomes of the others."""
    node = graph.nodes[place]
    if not isinstance(shape, list):
        options = {"select": graph.listed(place), "idempotent": node.idempotent}
        return await session.call(node.service.path_on(graph.version), node.params(values), **options)
    lists = [name for name, value in node.arguments.items() if isinstance(value, Ref) and value.is_each]
    rows = [values | {name: values[name][number] for name in lists} for number in range(len(shape))]
    ends = [await _end(_run(session, graph, place, row, inner)) for row, inner in zip(rows, shape, strict=True)]
    for end in ends:
        if isinstance(end, LiferayError):
            raise end
    return ends


async def _end(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except LiferayError as error:
        return error


def _filled(node: Node, nodes: Sequence[Node], fates: Sequence[Fate]) -> tuple[dict[str, Any], object]:
    """Return the arguments with results in place, and how elements stand in lists: 0 is an element.

    To a write, null for a name that only the library put into a white-list is no property: the portal has null for every
    name that it does not know.
    """
    failed = [ref.parent for ref in node.refs if not fates[ref.parent].has_run]
    values = dict(node.arguments)
    shapes: list[object] = []
    is_lacking = False
    for name, ref in node.arguments.items():
        if isinstance(ref, Ref) and ref.parent not in failed:
            raw = fates[ref.parent].raw
            try:
                values[name] = _each(raw, ref.names) if ref.is_each else _taken(raw, ref.names)
            except (KeyError, TypeError):
                is_lacking = True
            else:
                selected = nodes[ref.parent].selected
                is_sure = node.is_read or selected is None or ref.names[0] in selected
                is_lacking = is_lacking or not (is_sure or _has_no_null(values[name]))
                shapes += [_shape(raw)] if ref.is_each else []
    is_lacking = is_lacking or any(shape != shapes[0] for shape in shapes)
    if failed or is_lacking:
        raise MissingError(failed, is_lacking=is_lacking)
    return values, shapes[0] if shapes else 0


def _taken(raw: Any, names: Sequence[str]) -> Any:
    for name in names:
        raw = raw[name]
    return raw


def _each(raw: Any, names: Sequence[str]) -> list[Any]:
    if not isinstance(raw, list):
        raise TypeError(raw)
    return [_each(item, names) if isinstance(item, list) else _taken(item, names) for item in raw]


def _has_no_null(value: Any) -> bool:
    return all(map(_has_no_null, value)) if isinstance(value, list) else value is not None


def _is_empty(raw: Any) -> bool:
    return isinstance(raw, list) and all(map(_is_empty, raw))


def _shape(raw: Any) -> object:
    return [_shape(item) for item in raw] if isinstance(raw, list) else 0


def _cut(raw: Any, names: Sequence[str] | None) -> Any:
    if names is None or raw is None:
        return raw
    return [_cut(item, names) for item in raw] if isinstance(raw, list) else {name: raw[name] for name in names}


def _fitted(value: Any, returns: str) -> Any:
    return value if returns == "any" else TypeAdapter(RETURNS[returns]).validate_python(value)


# Together, in a batch.


@dataclass
class Evidence:
    """Everything that was seen of a batch. `planned`: positions of calls, in the order in which `explain()` told of them."""

    outcomes: list[Outcome[Any] | None]
    items: list[Any]
    endings: list[int]
    exchanges: list[Exchange]
    executions: list[Execution]
    dependent: str = "staged"
    planned: list[int] = field(default_factory=list)
    planned_requests: int = 0
    planned_body: bytes | None = None
    sent_early: int = 0
    leftovers: list[str] = field(default_factory=list)


async def together(graph: Graph, portal: Portal, mode: str, session: Session | None = None) -> Evidence:
    """Run the calls in a batch."""
    portal.reset()
    session = session or portal.session(limits=BatchLimits(**dict(graph.limits)))
    if graph.is_warm:
        await session.call("/portal/get-build-number")
        portal.reset()
    batch = session.batch(dependent=mode, writes=graph.writes)
    endings: Counter[int] = Counter()
    calls: list[Any] = []
    for node in graph.nodes:
        values = {name: _referred(value, calls) for name, value in node.arguments.items()}
        options = {"returns": RETURNS[node.returns], "select": node.select, "idempotent": node.idempotent}
        calls.append(batch.call(node.service.path_on(graph.version), node.params(values), **options))
        calls[-1].add_done_callback(lambda call: endings.update([id(call)]))
    explanation = batch.explain()
    assert str(explanation)
    sent_early = len(portal.exchanges)
    items = await batch.invoke(return_exceptions=True)
    return Evidence(
        outcomes=[call.outcome if call.done() else None for call in calls],
        items=items,
        endings=[endings[id(call)] for call in calls],
        exchanges=list(portal.exchanges),
        executions=list(portal.fake.executions),
        dependent=explanation.dependent,
        planned=[call.position for request in explanation.requests for call in request.calls],
        planned_requests=len(explanation.requests),
        planned_body=explanation.requests[0].body,
        sent_early=sent_early,
        leftovers=_leftovers(session, batch),
    )


def _referred(value: object, calls: Sequence[Any]) -> Any:
    if not isinstance(value, Ref):
        return value
    return _taken(calls[value.parent].each if value.is_each else calls[value.parent], value.names)


def _leftovers(session: Session, batch: Any) -> list[str]:
    queue = batch._queue
    left = {"tasks": session._tasks._scopes, "runs": session._exchange.traffic.runs, "calls": batch}
    left |= {"flushes": queue._flushes, "trips": queue._trips, "calls in line": queue._in_line}
    return [name for name, things in left.items() if len(things) > 0]


# The one against the other.


@dataclass
class Case:
    """One graph, its calls one by one, and the same in a batch."""

    graph: Graph
    mode: str
    fates: Sequence[Fate]
    executions: Sequence[Execution]
    evidence: Evidence

    @property
    def nodes(self) -> tuple[Node, ...]:
        return self.graph.nodes

    @property
    def has_odd_values(self) -> bool:
        """Whether calls refer to what is no text, truth value or small number: what a nested call gets is a Java object."""
        refs = [ref for node in self.nodes for ref in node.refs]
        values = [_taken(self.fates[ref.parent].raw, ref.names) for ref in refs if not ref.is_each]
        return any(
            isinstance(value, dict | list | float) or (isinstance(value, int) and abs(value) > 2**30) for value in values
        )

    @cached_property
    def refused(self) -> list[Exchange]:
        return [exchange for exchange in self.evidence.exchanges if exchange.is_refused]

    @cached_property
    def doubted(self) -> set[int]:
        """Writes of which nobody can know whether they ran."""
        outcomes = enumerate(self.evidence.outcomes)
        return {place for place, outcome in outcomes if isinstance(outcome, Unknown) and self._is_excused(place)}

    def _is_excused(self, place: int) -> bool:
        """Whether it is a write that was refused together with a call that had to fail, or ran for some elements only."""
        if self.nodes[place].is_read:
            return False
        shared = [exchange for exchange in self.refused if place in exchange.keys and len(exchange.keys) > 1]
        had_to_fail = any(
            self._has_to_fail(key) or self._has_failed_getter(key, exchange) for exchange in shared for key in exchange.keys
        )
        return had_to_fail or (self.nodes[place].is_fan and self._has_to_fail(place))

    def _has_to_fail(self, place: int) -> bool:
        """Whether the portal refuses it; what lacks a parent's result is sent only in a nest."""
        error = self.fates[place].error
        return isinstance(error, ServerError) or (isinstance(error, MissingError) and self.evidence.dependent == "nested")

    def _has_failed_getter(self, place: int, exchange: Exchange) -> bool:
        """Whether its white-list may be what was refused: alone it goes again without one."""
        return self.nodes[place].select is not None and b'"Getter failed' in exchange.answer

    @cached_property
    def orphans(self) -> set[int]:
        """Calls that need the result of a write that is in doubt."""
        return self._descendants(self.doubted) - self.doubted

    @cached_property
    def unsteady(self) -> set[int]:
        """Calls that tell of writes, and those that need them, where a refused request held a write: reads of it are asked
        again, when that write may have run, or not yet.
        """
        if all(self.nodes[key].is_read for exchange in self.refused for key in exchange.keys):
            return set()
        return self._descendants({place for place, node in enumerate(self.nodes) if node.service.is_stateful})

    def _descendants(self, places: set[int]) -> set[int]:
        found = set(places)
        for place, node in enumerate(self.nodes):
            if any(ref.parent in found for ref in node.refs):
                found.add(place)
        return found

    def runs(self, executions: Sequence[Execution], keys: set[int]) -> list[tuple[int, str, dict[str, Any], str | None]]:
        """What ran of some calls: the call, the path, the arguments, how it ended."""
        found = []
        for execution in executions:
            arguments = {name: value for name, value in execution.parameters.items() if name != "serviceContext"}
            key = arguments.get("key", str(arguments.get("description", "")).removeprefix("key "))
            if key in keys or key in map(str, keys):
                found.append((int(key), execution.path, arguments, execution.error))
        return found


def judge(case: Case) -> None:
    """Raise an AssertionError that says what is wrong, if the batch is not what the calls one by one are."""
    for place in range(len(case.nodes)):
        _is_settled_once(case, place)
        if place not in case.doubted | case.unsteady:
            _is_as_alone(case, place)
    _runs_writes_as_alone(case)
    _runs_no_more_than_told(case)
    _is_as_planned(case)
    assert not case.evidence.leftovers, f"left behind: {case.evidence.leftovers}"


def _is_settled_once(case: Case, place: int) -> None:
    outcome, item, endings = case.evidence.outcomes[place], case.evidence.items[place], case.evidence.endings[place]
    assert endings == 1, f"call {place} ended {endings} times"
    assert outcome is not None, f"call {place} has no outcome"
    assert item is (outcome.value if outcome.error is None else outcome.error), f"call {place} has {item!r} in the list"


def _is_as_alone(case: Case, place: int) -> None:
    outcome, fate = case.evidence.outcomes[place], case.fates[place]
    told = f"call {place} is {outcome!r}, alone {fate}"
    match fate.error:
        case MissingError() | _ if place in case.orphans or isinstance(fate.error, MissingError):
            _is_dependent(case, place, told)
        case ServerError():
            assert isinstance(outcome, Failed), told
            assert not outcome.is_inferred, told
            assert type(fate.error) is type(outcome.error), told
            for name in ("exception", "message", "status", "calls", "path"):
                assert getattr(fate.error, name) == getattr(outcome.error, name), f"{name}: {told}"
        case ValidationError():
            assert isinstance(outcome, Ok), told
            assert isinstance(outcome.error, ResultError), told
            assert isinstance(outcome.error.__cause__, ValidationError), told
            assert fate.error.error_count() == outcome.error.__cause__.error_count(), told
        case error:
            assert error is None, f"call {place} has an unexpected end alone: {error!r}"
            assert isinstance(outcome, Ok), told
            assert outcome.error is None, told
            value = _without_leaks(fate.value, outcome.value) if _may_leak(case, place) else outcome.value
            assert fate.value == value, told
            assert type(fate.value) is type(value), told


def _may_leak(case: Case, place: int) -> bool:
    """Whether hidden properties may show: those that a model of another type shows that stands before it in its request.

    6.2 does that in every batch, whether calls need others or not (`JsonWriter._seen` in the fake portal).
    """
    return case.graph.version == "6.2" and case.nodes[place].service.is_sample


def _without_leaks(expected: Any, value: Any) -> Any:
    if isinstance(expected, list) and isinstance(value, list) and len(expected) == len(value):
        return [_without_leaks(*pair) for pair in zip(expected, value, strict=True)]
    if isinstance(expected, dict) and isinstance(value, dict):
        return {name: value[name] for name in value if name in expected}
    return value


def _is_dependent(case: Case, place: int, told: str) -> None:
    outcome, error = case.evidence.outcomes[place], case.fates[place].error
    assert isinstance(outcome, NotSent), told
    assert type(outcome.error) is DependencyError, told
    parents = {ref.parent for ref in case.nodes[place].refs} & (case.doubted | case.orphans)
    is_lacking = False
    if isinstance(error, MissingError):
        parents.update(error.parents)
        is_lacking = error.is_lacking
    cause = outcome.error.__cause__
    is_parents = any(cause is case.evidence.outcomes[parent].error for parent in parents)
    assert is_parents or (cause is None and is_lacking), f"its cause is {cause!r}: {told}"


def _runs_writes_as_alone(case: Case) -> None:
    """Writes ran in their order, with their arguments, once; all of them, but for those in doubt and what needs them."""
    keys = {place for place, node in enumerate(case.nodes) if not node.is_repeatable} - case.unsteady
    keys -= {place for place in case.doubted if isinstance(case.fates[place].error, MissingError)}
    expected, runs = case.runs(case.executions, keys), case.runs(case.evidence.executions, keys)
    left = iter(expected)
    assert all(run in left for run in runs), f"the portal ran {runs}, alone {expected}"
    lost = [run for run in expected if run not in runs and run[0] not in case.doubted | case.orphans]
    assert not lost, f"the portal ran {runs}, and not {lost}"


def _runs_no_more_than_told(case: Case) -> None:
    for place, outcome in enumerate(case.evidence.outcomes):
        runs = [run for run in case.runs(case.evidence.executions, {place}) if run[-1] is None]
        told = f"call {place} is {outcome!r}, and ran {len(runs)} times"
        if case.nodes[place].is_read:
            assert not runs or not isinstance(outcome, NotSent) or case.evidence.dependent == "nested", told
        elif not isinstance(outcome, Unknown | Ok):
            assert not runs, told
        elif not (case.nodes[place].is_fan or case.nodes[place].is_repeatable or case.nodes[place].is_untraced):
            assert len(runs) == 1 or (isinstance(outcome, Unknown) and not runs), told


def _is_as_planned(case: Case) -> None:
    evidence = case.evidence
    assert list(range(len(case.nodes))) == sorted(evidence.planned), f"explained are the calls {evidence.planned}"
    assert evidence.sent_early == 0, "to explain sent something"
    if evidence.planned_body is not None:
        assert evidence.planned_body == evidence.exchanges[0].body, "the first request is not what was explained"
    has_lists = any(node.is_fan or node.service.shape in LISTS for node in case.nodes)  # an empty one may need no request
    if not (case.refused or has_lists or case.graph.limits) and all(fate.has_run for fate in case.fates):
        count, planned = len(evidence.exchanges), evidence.planned_requests
        is_as_planned = count == planned or (
            count > planned and evidence.dependent == "nested"
        )  # what a nest lost goes again
        assert is_as_planned, f"{count} requests, {planned} were explained"


def judge_modes(cases: Sequence[Case], learnt: Callable[[Graph], int]) -> None:
    """Judge the same graph in all modes: nesting never costs a request, where nothing fails and limits do not bite.

    But for the first time that a portal shows no list that is nested: what it lost must be asked for again. `learnt` tells
    how many requests the graph takes nested in a session that has met it before.
    """
    for case in cases:
        judge(case)
    nested, staged = cases[:2]
    is_fine = not nested.refused and all(fate.has_run for fate in nested.fates)
    is_fine = is_fine and all(node.service.shape != "grid" for node in nested.nodes)  # a white-list makes nonsense of these
    fans = [fate for fate, node in zip(nested.fates, nested.nodes, strict=True) if node.is_fan]
    is_fine = is_fine and not any(_is_empty(fate.raw) for fate in fans)  # of no elements, a stage needs no request
    if is_fine and not nested.graph.limits and nested.graph.writes == "together":
        most, count = len(staged.evidence.exchanges), len(nested.evidence.exchanges)
        count = count if count <= most else learnt(nested.graph)
        assert count <= most, f"{count} requests nested, {most} staged"


@dataclass
class Bench:
    """Portals of all versions, one event loop, and what came out of how many graphs."""

    runner: asyncio.Runner
    portals: dict[str, Portal]
    seen: Counter[str] = field(default_factory=Counter)

    def cases(self, graph: Graph) -> list[Case]:
        """Run a graph one by one, and in all modes that may differ."""
        return self.runner.run(asyncio.wait_for(self._cases(graph), LONGEST))

    async def _cases(self, graph: Graph) -> list[Case]:
        portal = self.portals[graph.version]
        fates, executions = await alone(graph, portal)
        cases: list[Case] = []
        for mode in MODES:
            cases.append(Case(graph, mode, fates, executions, await together(graph, portal, mode)))
            if len(cases) == 2 and cases[0].evidence.dependent == "staged":
                break  # there is nothing to nest, and nothing to decide
        return cases

    def learnt(self, graph: Graph) -> int:
        """Return how many requests a graph takes nested in a session that has met it before."""
        portal = self.portals[graph.version]
        session = portal.session()
        for _ in graph.nodes:  # of a chain, each link may have to be learnt
            self.runner.run(together(graph, portal, "nested", session))
        return len(self.runner.run(together(graph, portal, "nested", session)).exchanges)

    def count(self, cases: Sequence[Case]) -> None:
        """Count what the graph had."""
        case, nodes = cases[0], cases[0].nodes
        errors = [fate.error for fate in case.fates]
        fans = [fate for fate, node in zip(case.fates, nodes, strict=True) if node.is_fan]
        writes = [node for node in nodes if not node.is_read]
        is_fine = all(fate.has_run for fate in case.fates)
        self.seen += Counter(
            {
                "graphs": 1,
                "fine": is_fine,
                "fine, of several calls that depend": is_fine and sum(bool(node.refs) for node in nodes) > 1,
                "fine, but refused": is_fine and bool(case.refused),
                "nests": any(exchange.has_nest for exchange in case.evidence.exchanges),
                "nests of three": any(exchange.body.count(b',"$') > 1 for exchange in case.evidence.exchanges),
                "nests in auto": cases[-1].evidence.dependent == "nested",
                "lists": any(fate.has_run and len(fate.raw) > 1 for fate in fans),
                "lists under lists": any(fate.has_run and any(isinstance(item, list) for item in fate.raw) for fate in fans),
                "zipped lists": any(sum(ref.is_each for ref in node.refs) > 1 for node in nodes),
                "refusals": any(isinstance(error, ServerError) for error in errors),
                "missing": any(isinstance(error, MissingError) for error in errors),
                "misfits": any(isinstance(error, ValidationError) for error in errors),
                "writes": bool(writes),
                "writes that depend": any(node.refs for node in writes),
                "writes in doubt": bool(case.doubted),
                "models": any(node.service.is_sample and node.refs for node in nodes),
            }
        )


SHARES = {
    "fine": 0.25,
    "fine, of several calls that depend": 0.04,
    "nests": 0.25,
    "nests of three": 0.05,
    "nests in auto": 0.2,
    "lists": 0.05,
    "lists under lists": 0.01,
    "zipped lists": 0.05,
    "refusals": 0.15,
    "missing": 0.25,
    "misfits": 0.1,
    "writes": 0.3,
    "writes that depend": 0.2,
    "writes in doubt": 0.02,
    "models": 0.1,
}


@pytest.fixture(scope="module")
def bench():
    with asyncio.Runner() as runner:
        yield Bench(runner, {version: Portal(version) for version in VERSIONS})


def run_graphs(bench, count):
    """Run `count` generated graphs, and judge each."""

    @settings(max_examples=count, phases=[Phase.generate, Phase.shrink], **QUIET)
    @given(graphs())
    def run(graph):
        cases = bench.cases(graph)
        bench.count(cases)
        try:
            judge_modes(cases, bench.learnt)
        except AssertionError:
            note("\n".join(f"{case.mode}: {each.body.decode()}" for case in cases for each in case.evidence.exchanges))
            raise

    run()


@pytest.mark.parametrize("first", range(0, COUNT, CHUNK))
def test_graphs_are_as_their_calls_alone(bench, first):
    """Whatever calls need of others, each has the result or the error that it would have alone, and each write runs once."""
    wanted = min(first + CHUNK, COUNT)
    while (left := wanted - bench.seen["graphs"]) > 0:  # Hypothesis may find that it has seen a graph before
        run_graphs(bench, left)


def test_graphs_are_of_every_form(bench):
    """The graphs above have nests, lists, failures, writes and what else there is, in good numbers."""
    if bench.seen["graphs"] < 1_000:
        pytest.skip("too few graphs to tell")
    shares = {name: bench.seen[name] / bench.seen["graphs"] for name in (*SHARES, "fine, but refused")}
    assert {} == {name: share for name, share in shares.items() if share < SHARES.get(name, 0)}
    assert 0.05 > shares["fine, but refused"]  # such graphs may take more requests


def call(path, shape, select=None, returns="any", **arguments):
    """Make a call of one of our services."""
    service = Service(f"/graph/{path}", shape, {}, is_read=path.startswith("get-"), is_stateful=path == "get-count")
    return Node(service, {"value": "a", "more": None} | arguments, select, returns)


def graph_of(*nodes, version="6.2", **terms):
    """Make a graph of calls; each has its own key."""
    keyed = [replace(node, arguments={"key": place, **node.arguments}) for place, node in enumerate(nodes)]
    return Graph(tuple(keyed), version, **terms)


def of(parent, *names):
    """Refer to a property of a call's result."""
    return Ref(parent, names)


def each(parent, *names):
    """Refer to a property of each element of a call's result."""
    return Ref(parent, names, is_each=True)


THING, THINGS = call("get-thing-of-text", "thing"), call("get-things-of-text", "things")
USER = Node(Service("/user/get-user-by-id", "user", {}), {"userId": 20159})
CONTACT = Node(Service("/contact/get-contact", "contact", {}), {"contactId": of(0, "contactId")})
WRITE = call("add-thing-of-text", "thing")
REPRODUCTIONS = {
    # a parameter whose name Liferay spells in another way (`theURL` is `theUrl`) was null to a nested call on 7.x
    "capitals": [THING, call("get-thing-of-url", "thing", theURL=of(0, "id"))],
    # a white-list takes the lists in a list for elements
    "lists in a list": [call("get-grid-of-text", "grid"), call("get-thing-of-text", "thing", value=each(0, "id"))],
    "property of a call per element that has select=": [
        THINGS,
        call("get-thing-of-text", "thing", ("id",), value=each(0, "id")),
        call("get-thing-of-text", "thing", value=each(1, "name")),
    ],
    "write for each element of what is no list": [
        call("add-thing-of-text", "thing", ("id",)),
        call("add-thing-of-text", "thing", value=each(0, "id")),
    ],
    "write beside a nest that only fails because it is nested": [USER, CONTACT, WRITE],
    "float from a stage before its nest": [
        THING,
        call("get-thing-of-text", "thing", ("flag",), value=of(0, "rate"), more=of(0, "owner", "id")),
        call("get-thing-of-text", "thing", more=of(1, "id")),
    ],
    # nests share no request with a write outside of them: staged, these take two requests, nested three
    "nest beside a write that others need": [
        replace(WRITE, arguments={"value": "a", "more": None}),
        call("get-thing-of-text", "thing", value=of(0, "id")),
        THING,
        call("get-thing-of-text", "thing", more=of(2, "id")),
    ],
    # to a text, the portal hands over what Java calls an object (here its `toString`), not its JSON
    "object as a text": [THING, call("get-thing-of-text", "thing", value=of(0, "owner"))],
    "date as a text": [THING, call("get-thing-of-text", "thing", value=of(0, "published"))],
    # a number takes no Java date; the nest would be refused, and nobody would know whether the write ran
    "date of a write as a number": [
        call("add-thing-of-text", "thing", ("flag", "nope")),
        call("get-thing-of-number", "thing", value=of(0, "published")),
    ],
    # 6.2: `groupId` is a getter that a white-list shows, and a plain call does not; one of the default user's fails
    "name that only a white-list shows": [
        replace(USER, select=("userId", "groupId"), arguments={"userId": 20199}),
        replace(USER, select=("userId",)),
    ],
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_graph_that_was_wrong(bench, name, version):
    """What was wrong once is as it is alone."""
    judge_modes(bench.cases(graph_of(*REPRODUCTIONS[name], version=version)), bench.learnt)


def ended(case, place, outcome):
    """Return the case with another outcome of a call."""
    outcomes, items = list(case.evidence.outcomes), list(case.evidence.items)
    outcomes[place] = outcome
    items[place] = outcome.value if outcome.error is None else outcome.error
    return seen(case, outcomes=outcomes, items=items)


def with_message(error):
    """Return the error with another message."""
    twin = error.for_call(error.path)
    twin.message = "No Thing exists with the key 7"
    return twin


def seen(case, **changes):
    """Return the case with other evidence."""
    return replace(case, evidence=replace(case.evidence, **changes))


def ran(case, change):
    """Return the case with another journal: `change` takes the executions of the writes, and gives those in their place."""
    executions = case.evidence.executions
    writes = [execution for execution in executions if "/add-" in execution.path]
    return seen(case, executions=[each for each in executions if each not in writes] + change(writes))


def like(execution, **parameters):
    """Return the execution with other parameters."""
    return replace(execution, parameters={**execution.parameters, **parameters})


TRUE = graph_of(
    call("add-thing-of-text", "thing"),
    call("add-things-of-text", "things"),
    call("get-thing-of-text", "thing", value=each(1, "id")),
    call("get-bad-of-text", "bad", value=of(0, "id")),
    call("get-thing-of-text", "thing", value=of(3, "id")),
    call("add-thing-of-text", "thing", value=of(0, "nope")),
    call("get-thing-of-text", "thing", returns="int"),
)
ERROR = LiferayError("an error")
NOT_SENT = NotSent(DependencyError("an error"))
FALSE = {
    "another result": ("call 0 is", lambda case: ended(case, 0, Ok({**case.fates[0].value, "name": "b"}))),
    "results in another order": ("call 1 is", lambda case: ended(case, 1, Ok(case.fates[1].value[::-1]))),
    "no result": ("call 0 is", lambda case: ended(case, 0, Ok(None))),
    "failed": ("call 0 is", lambda case: ended(case, 0, Failed(ERROR))),
    "not sent": ("call 2 is", lambda case: ended(case, 2, NOT_SENT)),
    "unknown write": ("call 0 is", lambda case: ended(case, 0, Unknown(ERROR))),
    "unknown read": ("call 3 is", lambda case: ended(case, 3, Unknown(ERROR))),
    "result of what is refused": ("call 3 is", lambda case: ended(case, 3, Ok({}))),
    "another error": ("call 3 is", lambda case: ended(case, 3, Failed(ERROR))),
    "error of another": ("message: call 3 is", lambda case: ended(case, 3, Failed(with_message(case.fates[3].error)))),
    "result of a dependent": ("call 4 is", lambda case: ended(case, 4, Ok({}))),
    "another cause": ("its cause is None: call 4", lambda case: ended(case, 4, NOT_SENT)),
    "dependent that is unknown": ("call 5 is", lambda case: ended(case, 5, Unknown(ERROR))),
    "dependent that was sent": ("call 5 is", lambda case: ended(case, 5, Failed(NOT_SENT.error))),
    "misfit that fits": ("call 6 is", lambda case: ended(case, 6, Ok(1))),
    "misfit without a cause": ("call 6 is", lambda case: ended(case, 6, Ok({}, ResultError("an error")))),
    "write ran twice": ("the portal ran", lambda case: ran(case, lambda writes: [*writes, writes[0]])),
    "write did not run": ("and not", lambda case: ran(case, lambda writes: writes[1:])),
    "writes in another order": ("the portal ran", lambda case: ran(case, lambda writes: writes[::-1])),
    "other arguments": ("the portal ran", lambda case: ran(case, lambda writes: [like(writes[0], value="b"), writes[1]])),
    "dependent write ran": ("the portal ran", lambda case: ran(case, lambda writes: [*writes, like(writes[0], key=5)])),
    "dependent read ran": ("4 is .*, and ran 1 t", lambda case: ran(case, lambda writes: [*writes, like(writes[0], key=4)])),
    "left behind": ("left behind", lambda case: seen(case, leftovers=["a task"])),
    "explained twice": ("explained are", lambda case: seen(case, planned=[0, *case.evidence.planned])),
    "not explained": ("explained are", lambda case: seen(case, planned=case.evidence.planned[1:])),
    "sent early": ("sent something", lambda case: seen(case, sent_early=1)),
    "another request": ("not what was explained", lambda case: seen(case, planned_body=b"[]")),
    "ended twice": ("ended 2 times", lambda case: seen(case, endings=[2] * 7)),
    "not ended": ("has no outcome", lambda case: seen(case, outcomes=[None] * 7)),
    "item of another": ("in the list", lambda case: seen(case, items=case.evidence.items[::-1])),
}


@pytest.fixture(scope="module")
def true(bench):
    """A case with nothing wrong in it: writes, lists, a refusal, a misfit, and calls that lack something, in stages."""
    return bench.cases(TRUE)[MODES.index("staged")]


def test_judge_takes_the_truth(true):
    """The judge has nothing to say against a batch that is right."""
    judge(true)


@pytest.mark.parametrize("name", FALSE)
def test_judge_can_fail(true, name):
    """The judge finds each kind of untruth."""
    text, corrupt = FALSE[name]
    with pytest.raises(AssertionError, match=text):
        judge(corrupt(true))


def test_judge_counts_requests(bench):
    """More requests in nested mode than in staged mode are an untruth, unless a portal loses lists, and that is learnt."""
    nested, staged, auto = bench.cases(graph_of(THING, call("get-thing-of-text", "thing", value=of(0, "id"))))
    judge_modes([nested, staged, auto], None)
    more = seen(nested, exchanges=nested.evidence.exchanges * 3, planned_requests=3)
    judge_modes([more, staged, auto], lambda _: 1)
    with pytest.raises(AssertionError, match="3 requests nested, 2 staged"):
        judge_modes([more, staged, auto], lambda _: 3)
    fewer = seen(staged, exchanges=staged.evidence.exchanges[:1])
    with pytest.raises(AssertionError, match="1 requests, 2 were explained"):
        judge(fewer)


def test_services_are_those_of_a_portal(bench):
    """The oracle is no fake of its own: what the calls have alone comes from the portal's own services and samples."""
    user = Node(Service("/user/get-user-by-id", "user", {}), {"userId": 20199})
    contact = replace(CONTACT, arguments={"contactId": of(0, "contactId")})
    fates = bench.cases(graph_of(user, contact))[0].fates
    assert "Test" == fates[1].value["firstName"]
    assert [None, None] == [fate.error for fate in fates]
