"""Calls that need results of others, in an automatic batch: each has what it would have if the calls were run one by one.

`AIOLIFERAY_GRAPHS` sets how many graphs are generated: a fifth of it.
"""

from __future__ import annotations

from collections import Counter

import anyio
import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st

from aioliferay import BatchLimits, NotSent
from aioliferay.errors import DependencyError
from auto_parts import nothing_is_left_of, ticks
from graphs import RETURNS, VERSIONS, Portal, Ref, graphs
from test_graphs import COUNT, QUIET, Case, Evidence, MissingError, _is_as_alone, _referred, _runs_no_more_than_told, alone

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def portals():
    return {version: Portal(version) for version in VERSIONS}


class Gathered:
    """The calls of a graph, made in an automatic batch: at once, or some only when others are in flight or have ended."""

    def __init__(self, graph, auto):
        self.graph = graph
        self.auto = auto
        self.calls = []
        self.refused = {}  # those that could not be made: what they need had failed by then
        self.endings = Counter()
        self._values = {}

    def make(self, place):
        node = self.graph.nodes[place]
        values = {name: self._values.get((place, name), value) for name, value in node.arguments.items()}
        options = {"returns": RETURNS[node.returns], "select": node.select, "idempotent": node.idempotent}
        self.calls.append(None)
        if lost := [self.refused[ref.parent] for ref in node.refs if ref.parent in self.refused]:
            self.refused[place] = DependencyError("what it needs could not be made")
            self.refused[place].__cause__ = lost[0]
            return
        try:
            call = self.auto.call(node.service.path_on(self.graph.version), node.params(values), **options)
        except DependencyError as error:
            self.refused[place] = error
            return
        call.add_done_callback(lambda _: self.endings.update([place]))
        self.calls[place] = call
        self._refer_to(place)

    def _refer_to(self, place):
        """Say at once what later calls need of it: of a typed result nothing can be had later."""
        for later, node in enumerate(self.graph.nodes):
            for name, value in node.arguments.items():
                if isinstance(value, Ref) and value.parent == place:
                    self._values[later, name] = _referred(value, self.calls)

    def outcome(self, place):
        if place in self.refused:
            return NotSent(self.refused[place])
        return self.calls[place].outcome


async def gathered(graph, portal, *, pauses, **options):
    """Run the calls in an automatic batch, with so many ticks before each, and return what was seen."""
    portal.reset()
    session = portal.session(limits=BatchLimits(**dict(graph.limits)))
    auto = session.auto(writes=graph.writes, **options)
    made = Gathered(graph, auto)
    with anyio.fail_after(30):
        for place in range(len(graph.nodes)):
            await ticks(pauses[place % len(pauses)] if pauses else 0)
            made.make(place)
        await auto.aclose()
        await nothing_is_left_of(auto)
    places = range(len(graph.nodes))
    return Evidence(
        outcomes=[made.outcome(place) for place in places],
        items=[],
        endings=[made.endings[place] + (place in made.refused) for place in places],
        exchanges=list(portal.exchanges),
        executions=list(portal.fake.executions),
        dependent="staged" if options.get("dependent") == "staged" else "nested",
    )


def judge(case):
    """As in a batch; but writes of different lanes keep no order, so that what tells of writes is not looked at."""
    stateful = {place for place, node in enumerate(case.nodes) if node.service.is_stateful}
    unsteady = case._descendants(stateful) | case.unsteady
    for place in range(len(case.nodes)):
        assert case.evidence.endings[place] == 1
        if place not in case.doubted | unsteady:
            _is_as_alone(case, place)
    if not unsteady:
        _runs_no_more_than_told(case)
        _runs_writes_once(case)
    for exchange in case.evidence.exchanges:
        kinds = {case.nodes[key].is_read for key in exchange.keys}
        assert len(kinds) <= 1, f"reads and writes in one request: {exchange.body}"


def _runs_writes_once(case):
    """Writes ran with their arguments, once; all of them, but for those in doubt and what needs them."""
    keys = {place for place, node in enumerate(case.nodes) if not node.is_repeatable}
    keys -= {place for place in case.doubted if isinstance(case.fates[place].error, MissingError)}
    expected, runs = (case.runs(each, keys) for each in (case.executions, case.evidence.executions))
    assert sorted(map(repr, runs)) == sorted({repr(run) for run in runs}) or any(case.nodes[run[0]].is_fan for run in runs)
    assert all(run in expected for run in runs), f"the portal ran {runs}, alone {expected}"
    lost = [run for run in expected if run not in runs and run[0] not in case.doubted | case.orphans]
    assert not lost, f"the portal ran {runs}, and not {lost}"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_graphs_are_as_their_calls_alone(portals, backend):
    """Whatever calls need of others, and whenever they are made, each has the result or the error that it has alone."""
    if backend == "trio":
        pytest.importorskip("trio")

    @settings(max_examples=max(COUNT // 10, 1), phases=[Phase.generate, Phase.shrink], **QUIET)
    @given(
        graph=graphs(),
        pauses=st.lists(st.sampled_from([0, 0, 0, 1, 2, 5, 12, 40]), max_size=5),
        dependent=st.sampled_from(["nested", "staged", "auto"]),
        is_sharing=st.booleans(),
    )
    def run(graph, pauses, dependent, is_sharing):
        portal = portals[graph.version]

        async def play():
            fates, executions = await alone(graph, portal)
            options = {"dependent": dependent, "deduplicate": is_sharing, "window": 0}
            seen = await gathered(graph, portal, pauses=pauses, **options)
            return Case(graph, dependent, fates, executions, seen)

        case = anyio.run(play, backend=backend)
        try:
            judge(case)
        except AssertionError:
            note("\n".join(each.body.decode() for each in case.evidence.exchanges))
            raise

    run()
