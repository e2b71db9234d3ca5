"""Any history of a circuit beside a naive model of it, as a state machine for whichever machine.py is given."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from plugins.circuit import facts
from plugins.circuit import machine as real
from plugins.policy.circuits import CircuitsFile
from tests.circuit.model import Model

SETTINGS = CircuitsFile.model_validate(
    {
        "trips": {
            "window_seconds": 10,
            "minimum_calls": 6,
            "failure_ratio": 0.5,
            "consecutive_failures": 4,
            "slow_ratio": 0.75,
        },
        "open": {"seconds": 5, "most_seconds": 30, "jitter_ratio": 0.2, "forgiven_after_seconds": 60},
        "probe": {"lease_seconds": 8, "successes": 2, "between_seconds": 1},
    }
)
RESULTS = ["SUCCESS", "SLOW", "FAILURE", "CAPACITY", "MISCONFIGURED", "NOTHING"]
WAITS = [None, 0.0, 0.1, 3.0, 11.38, 1e9]
MOST_CALLS = 12


class History(RuleBasedStateMachine):
    machine: ModuleType = real

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.luck = 0.0
        self.client: str | None = None
        self.told: list[str] = []
        self.circuit = self.machine.Circuit(lambda: SETTINGS, lambda: self.luck, lambda name, _: self.told.append(name))
        self.model = Model()
        self.running: list[Any] = []
        self.speaking: list[Any] = []  # reported well, and may still break
        self.over: list[Any] = []  # reported as failures, or broken since

    # ---- steps -------------------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.01, 0.3, 1.0, 2.0, 4.9, 5.0, 7.9, 8.1, 24.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(luck=st.sampled_from([0.0, 0.5, 1.0]))
    def chance_changes(self, luck: float) -> None:
        self.luck = luck

    @rule(client=st.sampled_from([None, "a", "b"]))
    def another_client_comes(self, client: str | None) -> None:
        self.client = client

    @rule(last_resort=st.booleans())
    def somebody_asks(self, last_resort: bool) -> None:
        if len(self.running) < MOST_CALLS:
            self.ask(last_resort=last_resort)

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0), result=st.sampled_from(RESULTS), wait=st.sampled_from(WAITS), by_day=st.booleans())
    def an_attempt_is_reported(self, which: int, result: str, wait: float | None, by_day: bool) -> None:
        self.report(self.running.pop(which % len(self.running)), result, wait, by_day)

    @precondition(lambda self: self.speaking)
    @rule(which=st.integers(0))
    def an_answer_breaks(self, which: int) -> None:
        self.breaks(self.speaking.pop(which % len(self.speaking)))

    @precondition(lambda self: self.over)
    @rule(which=st.integers(0), result=st.sampled_from(RESULTS))
    def what_is_over_is_reported_again(self, which: int, result: str) -> None:
        """Only what cannot count: of an older generation, or a probe whose lease is given back."""
        permit = self.over[which % len(self.over)]
        if permit.probe or permit.generation != self.circuit.generation:
            before = self.circuit.snapshot(self.now)
            self.report(permit, result, None, by_day=False)
            assert before == self.circuit.snapshot(self.now)

    @rule(
        state=st.sampled_from([None, None, "FORCED_OPEN", "FORCED_CLOSED"]), then=st.sampled_from([[], ["FAILURE"] * 4])
    )
    @precondition(lambda self: len(self.told) % 7 == 3)
    def an_operator_steps_in(self, state: str | None, then: list[str]) -> None:
        self.circuit.force(facts.State[state] if state else None, self.now)
        self.model.force(state.lower() if state else None, self.now)
        for result in then:
            self.one(result)

    # ---- stretches that chance alone would hardly find --------------------------------------------------------

    @rule(results=st.lists(st.sampled_from(["SUCCESS", "SLOW", "FAILURE"]), min_size=6, max_size=9))
    def traffic(self, results: list[str]) -> None:
        for result in results:
            self.one(result)

    @rule(count=st.integers(3, 5))
    def it_fails_in_a_row(self, count: int) -> None:
        for _ in range(count):
            self.one("FAILURE")

    @rule(
        alone=st.sampled_from(["FAILURE", "SLOW"]),
        count=st.integers(4, 8),
        pause=st.sampled_from([0.0, 9.0, 10.0, 11.0]),
        then=st.sampled_from([("a", "FAILURE"), ("b", "FAILURE"), (None, "FAILURE"), ("c", "SUCCESS")]),
    )
    def one_client_fails_where_another_is_served(
        self, alone: str, count: int, pause: float, then: tuple[str | None, str]
    ) -> None:
        self.wait_for_leave()
        steps: list[tuple[str | None, str]] = [("b", "SUCCESS"), *[("a", alone)] * count, then]
        for number, (self.client, result) in enumerate(steps):
            self.one(result)
            self.now += pause if number == count else 0.0

    @rule()
    def one_clients_answers_break_where_another_is_served(self) -> None:
        self.begin_anew()
        for self.client in ["b", *["a"] * 6]:
            self.one("SUCCESS")
            if self.client == "a":
                self.breaks(self.speaking.pop())

    @rule()
    def one_client_fails_after_a_recovery(self) -> None:
        self.begin_anew()
        for self.client, result in [("a", "FAILURE")] * 4 + [("a", "SUCCESS")] * 2 + [("b", "SUCCESS")]:
            self.wait_for_leave()
            self.one(result)
        for self.client in ["c"] * 4:
            self.one("FAILURE")

    @rule(count=st.integers(5, 8), other=st.sampled_from(["SUCCESS", "FAILURE"]))
    def it_is_slow(self, count: int, other: str) -> None:
        for result in [other, *["SLOW"] * count]:
            self.one(result)

    @rule(early=st.sampled_from([0.0, 0.01]), results=st.lists(st.sampled_from(RESULTS), min_size=1, max_size=3))
    def it_is_probed(self, early: float, results: list[str]) -> None:
        self.wait_for_leave(early)
        for result in results:
            self.one(result)

    @rule(
        failed_probes=st.integers(0, 4),
        recovers=st.booleans(),
        quiet=st.sampled_from([0.0, 59.0, 61.0, 130.0]),
    )
    def there_is_an_outage(self, failed_probes: int, recovers: bool, quiet: float) -> None:
        self.wait_for_leave()
        for result in ["FAILURE"] * 4:
            self.one(result)
        for result in ["FAILURE"] * failed_probes + ["SUCCESS"] * 2 * recovers:
            self.wait_for_leave()
            self.one(result)
        self.now += quiet

    @rule(waits=st.lists(st.sampled_from(WAITS), min_size=2, max_size=4), by_day=st.booleans())
    def many_are_refused_at_once(self, waits: list[float | None], by_day: bool) -> None:
        self.wait_for_leave()
        permits = [permit for permit in [self.ask(last_resort=False) for _ in waits] if permit is not None]
        for permit, wait in zip(permits, waits, strict=False):
            self.running.remove(permit)
            self.report(permit, "CAPACITY", wait, by_day)

    @rule(results=st.lists(st.sampled_from(["FAILURE", "SUCCESS"]), min_size=2, max_size=3))
    def it_is_the_last_resort(self, results: list[str]) -> None:
        for result in results:
            self.one(result, last_resort=True)

    # ---- how ---------------------------------------------------------------------------------------------

    def wait_for_leave(self, early: float = 0.0) -> None:
        rejected = self.circuit.rejection(self.now)
        if rejected and rejected.seconds:
            self.now += rejected.seconds - early

    def breaks(self, permit: Any) -> None:
        self.circuit.broke(permit, self.now, client=self.client)
        self.model.hear_of_break(tuple(permit), self.now, self.luck, self.client)

    def begin_anew(self) -> None:
        """So that what comes now is all there is."""
        self.circuit.force(None, self.now)
        self.model.force(None, self.now)

    def one(self, result: str, *, last_resort: bool = False) -> None:
        permit = self.ask(last_resort=last_resort)
        if permit is not None:
            self.running.remove(permit)
            self.report(permit, result, None, by_day=False)

    def ask(self, *, last_resort: bool) -> Any:
        expected = self.model.rejects(self.now, last_resort)
        permit = self.circuit.may_call(self.now, last_resort=last_resort)
        granted = self.model.ask(self.now, last_resort)
        if granted is None:
            assert isinstance(permit, facts.Rejected)
            assert_same(expected, permit)
            return None
        assert isinstance(permit, facts.Permit)
        assert granted == (permit.generation, permit.probe)
        self.running.append(permit)
        return permit

    def report(self, permit: Any, result: str, wait: float | None, by_day: bool) -> None:
        finding = facts.Finding(facts.Result[result], "", wait, by_day)
        self.circuit.report(permit, finding, self.now, self.client)
        self.model.hear(tuple(permit), result, wait, by_day, self.now, self.luck, self.client)
        (self.speaking if result in ("SUCCESS", "SLOW") else self.over).append(permit)

    # ---- always ------------------------------------------------------------------------------------------

    @invariant()
    def they_agree(self) -> None:
        assert str(self.circuit.state) == self.model.state
        assert self.circuit.generation == self.model.generation
        for last_resort in (False, True):
            assert_same(
                self.model.rejects(self.now, last_resort), self.circuit.rejection(self.now, last_resort=last_resort)
            )
        seen = self.circuit.snapshot(self.now)
        if self.model.state == "closed":
            assert seen["calls"] == self.model.recent(self.now, "SUCCESS", "SLOW", "FAILURE")
            assert seen["failures"] == self.model.recent(self.now, "FAILURE", "BROKE")
        assert seen["ejections"] == self.model.ejections


def history(machine: ModuleType) -> type[History]:
    return type("History", (History,), {"machine": machine})


def assert_same(expected: tuple[str, float | None] | None, rejected: Any) -> None:
    if expected is None:
        assert rejected is None
        return
    assert rejected is not None
    why, seconds = expected
    assert str(rejected.why) == why
    assert (rejected.seconds is None) == (seconds is None)
    assert seconds is None or abs(rejected.seconds - seconds) < 1e-6


def mutant(old: str, new: str) -> ModuleType:
    """machine.py with one thing said differently."""
    assert real.__spec__ is not None
    assert real.__spec__.origin is not None
    with open(real.__spec__.origin, encoding="utf-8") as file:  # noqa: PTH123  a path as importlib has it
        source = file.read()
    assert source.count(old) == 1, f"{old!r} is there {source.count(old)} times"
    made = ModuleType(real.__name__)
    exec(compile(source.replace(old, new), "mutant", "exec"), made.__dict__)
    return made
