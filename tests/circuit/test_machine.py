"""The circuit's transitions as one table, and what each state says to whoever asks."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.circuit.facts import Finding, Permit, Rejected, Result, State, Why
from plugins.circuit.machine import Circuit
from plugins.policy.circuits import CircuitsFile

OPEN_SECONDS, LEASE_SECONDS, MISCONFIGURED_SECONDS = 5.0, 10.0, 60.0
NOW = 1000.0


class Trial:
    """A circuit in some state, and a hand that asks and reports at a time."""

    def __init__(self, luck: float = 0.0, **settings: Any) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.settings = CircuitsFile.model_validate(settings)
        self.circuit = Circuit(lambda: self.settings, lambda: luck, lambda *event: self.told.append(event))
        self.now = NOW

    def ask(self, *, last_resort: bool = False) -> Permit:
        permit = self.circuit.may_call(self.now, last_resort=last_resort)
        assert isinstance(permit, Permit), permit
        return permit

    def one(self, result: Result, seconds: float | None = None, *, last_resort: bool = False) -> None:
        self.circuit.report(self.ask(last_resort=last_resort), Finding(result, "", seconds), self.now)

    def many(self, count: int, result: Result) -> None:
        for _ in range(count):
            self.one(result)

    @property
    def rejection(self) -> Rejected | None:
        return self.circuit.rejection(self.now)

    @property
    def events(self) -> list[str]:
        return [name for name, _ in self.told]


def trial_in(state: State, **settings: Any) -> Trial:
    trial = Trial(**settings)
    match state:
        case State.OPEN:
            trial.many(5, Result.FAILURE)
        case State.HALF_OPEN:
            trial.many(5, Result.FAILURE)
            trial.now += OPEN_SECONDS
            trial.one(Result.NOTHING)
        case State.FORCED_OPEN | State.FORCED_CLOSED:
            trial.circuit.force(state, trial.now)
    assert trial.circuit.state is state
    trial.told.clear()
    return trial


def reports(*results: Result) -> Any:
    def act(trial: Trial) -> None:
        for result in results:
            trial.one(result)

    return act


def waits(seconds: float, *results: Result) -> Any:
    def act(trial: Trial) -> None:
        trial.now += seconds
        reports(*results)(trial)

    return act


def is_forced(state: State | None) -> Any:
    def act(trial: Trial) -> None:
        trial.circuit.force(state, trial.now)

    return act


S, F, L, N = Result.SUCCESS, Result.FAILURE, Result.SLOW, Result.NOTHING
FULL, OURS = Result.CAPACITY, Result.MISCONFIGURED
TRANSITIONS = [
    # closed: it counts
    (State.CLOSED, "four failures in a row", reports(F, F, F, F), State.CLOSED, []),
    (State.CLOSED, "five failures in a row", reports(*[F] * 5), State.OPEN, ["circuit.opened"]),
    (State.CLOSED, "a success between failures", reports(F, F, F, F, S, F, F, F, F), State.CLOSED, []),
    (State.CLOSED, "half of ten calls fail", reports(*[S, F] * 5), State.OPEN, ["circuit.opened"]),
    (State.CLOSED, "half of nine calls fail", reports(*[F, S] * 4, S), State.CLOSED, []),
    (State.CLOSED, "eight of ten are slow", reports(S, S, *[L] * 8), State.OPEN, ["circuit.opened"]),
    (State.CLOSED, "seven of ten are slow", reports(S, S, S, *[L] * 7), State.CLOSED, []),
    (State.CLOSED, "nothing to say of many", reports(*[N] * 50), State.CLOSED, []),
    (State.CLOSED, "a 429", reports(FULL), State.CLOSED, ["circuit.gated"]),
    (State.CLOSED, "a 401", reports(OURS), State.CLOSED, ["circuit.misconfigured"]),
    # open: it waits
    (State.OPEN, "time passes", waits(4.9), State.OPEN, []),
    (State.OPEN, "its time is over", waits(5.0), State.OPEN, []),
    (State.OPEN, "somebody asks then", waits(5.0, N), State.HALF_OPEN, ["circuit.half_opened"]),
    # half-open: it is tried
    (State.HALF_OPEN, "one success", reports(S), State.HALF_OPEN, []),
    (State.HALF_OPEN, "two successes", reports(S, S), State.CLOSED, ["circuit.closed"]),
    (State.HALF_OPEN, "a failure", reports(F), State.OPEN, ["circuit.opened"]),
    (State.HALF_OPEN, "a failure after a success", reports(S, F), State.OPEN, ["circuit.opened"]),
    (State.HALF_OPEN, "a slow probe", reports(L), State.OPEN, ["circuit.opened"]),
    (State.HALF_OPEN, "a client that left", reports(N), State.HALF_OPEN, []),
    (State.HALF_OPEN, "a 429", reports(FULL), State.HALF_OPEN, ["circuit.gated"]),
    (State.HALF_OPEN, "a 401", reports(OURS), State.HALF_OPEN, ["circuit.misconfigured"]),
    # by hand
    (State.CLOSED, "forced open", is_forced(State.FORCED_OPEN), State.FORCED_OPEN, ["circuit.forced_open"]),
    (State.OPEN, "forced closed", is_forced(State.FORCED_CLOSED), State.FORCED_CLOSED, ["circuit.forced_closed"]),
    (State.FORCED_CLOSED, "whatever happens", reports(*[F] * 50, FULL, OURS, F), State.FORCED_CLOSED, []),
    (State.FORCED_OPEN, "released", is_forced(None), State.CLOSED, ["circuit.released"]),
    (State.FORCED_CLOSED, "released", is_forced(None), State.CLOSED, ["circuit.released"]),
    (State.OPEN, "released", is_forced(None), State.CLOSED, ["circuit.released"]),
]


@pytest.mark.parametrize(
    ("before", "act", "after", "events"),
    [
        pytest.param(before, act, after, events, id=f"{before}: {what}")
        for before, what, act, after, events in TRANSITIONS
    ],
)
def test_every_transition(before: State, act: Any, after: State, events: list[str]) -> None:
    trial = trial_in(before)

    act(trial)

    assert trial.circuit.state is after
    assert events == trial.events


@pytest.mark.parametrize(
    ("state", "why", "seconds"),
    [
        (State.CLOSED, None, None),
        (State.OPEN, Why.OPEN, OPEN_SECONDS),
        (State.HALF_OPEN, None, None),
        (State.FORCED_OPEN, Why.FORCED_OPEN, None),
        (State.FORCED_CLOSED, None, None),
    ],
)
def test_what_each_state_says_to_whoever_asks(state: State, why: Why | None, seconds: float | None) -> None:
    trial = trial_in(state)

    found = trial.rejection

    assert found == (Rejected(seconds, why) if why else None)
    assert isinstance(trial.circuit.may_call(trial.now), Rejected if why else Permit)


def test_failures_of_before_the_window_are_forgotten() -> None:
    trial = Trial()
    trial.many(4, F)
    trial.now += 11
    reports(S, *[F] * 4, S)(trial)

    assert trial.circuit.state is State.CLOSED
    assert trial.circuit.snapshot(trial.now)["calls"] == 6


def test_one_probe_is_in_flight_and_whoever_comes_meanwhile_is_told_so() -> None:
    trial = trial_in(State.HALF_OPEN)
    trial.ask()

    assert trial.rejection == Rejected(LEASE_SECONDS, Why.PROBING)


def test_a_probe_that_never_reports_does_not_block_for_ever_and_then_counts_for_nothing() -> None:
    trial = trial_in(State.HALF_OPEN)
    lost = trial.ask()
    trial.now += LEASE_SECONDS
    trial.one(S)

    trial.circuit.report(lost, Finding(F), trial.now)

    assert trial.events == []
    trial.one(S)
    assert trial.events == ["circuit.closed"]


def test_a_late_probe_counts_as_long_as_nobody_took_its_place() -> None:
    trial = trial_in(State.HALF_OPEN, probe={"successes": 1})
    late = trial.ask()
    trial.now += 10 * LEASE_SECONDS

    trial.circuit.report(late, Finding(S), trial.now)

    assert trial.circuit.state is State.CLOSED


def test_what_was_permitted_before_a_change_changes_nothing_after_it() -> None:
    trial = Trial()
    old = [trial.ask() for _ in range(20)]
    trial.many(5, F)
    trial.now += OPEN_SECONDS
    trial.many(2, S)
    before = trial.circuit.snapshot(trial.now)

    for permit, result in zip(old, [F] * 8 + [FULL, OURS, S] * 4, strict=True):
        trial.circuit.report(permit, Finding(result, "", 30.0), trial.now)
        trial.circuit.broke(permit, trial.now)

    assert trial.circuit.state is State.CLOSED
    assert before == trial.circuit.snapshot(trial.now)


def test_the_open_time_doubles_up_to_its_bound_and_falls_with_each_recovery() -> None:
    trial = Trial()
    trial.many(5, F)
    seconds = []
    for _ in range(7):
        assert trial.rejection is not None
        assert trial.rejection.seconds is not None
        seconds.append(trial.rejection.seconds)
        trial.now += trial.rejection.seconds
        trial.one(F)

    assert seconds == [5, 10, 20, 40, 80, 120, 120]
    assert trial.rejection is not None
    trial.now += trial.rejection.seconds or 0
    trial.many(2, S)
    assert trial.circuit.snapshot(trial.now)["ejections"] == 4
    trial.now += 181
    trial.many(5, F)
    assert trial.rejection.seconds == 10


@pytest.mark.parametrize(("luck", "seconds"), [(0.0, 5.0), (0.5, 5.5), (1.0, 6.0)])
def test_the_open_time_is_jittered(luck: float, seconds: float) -> None:
    trial = Trial(luck)
    trial.many(5, F)

    assert trial.rejection is not None
    assert trial.rejection.seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("said", "by_day", "seconds"),
    [
        (0.0, False, 0.25),
        (0.1, False, 0.25),
        (11.382867, False, 11.382867),
        (61.0, False, 60.0),
        (1e9, False, 60.0),
        (33011.38, True, 900.0),
        (30.0, True, 30.0),
        (None, False, 1.0),
    ],
)
def test_a_429_closes_the_gate_for_what_it_says_within_bounds(said: float | None, by_day: bool, seconds: float) -> None:
    trial = Trial()
    trial.circuit.report(trial.ask(), Finding(FULL, "429", said, by_day), trial.now)

    assert trial.rejection is not None
    assert trial.rejection.why is Why.CAPACITY
    assert trial.rejection.seconds == pytest.approx(seconds)
    trial.now += seconds
    assert trial.rejection is None


def test_429s_that_do_not_say_how_long_are_left_alone_longer_each_time_until_one_succeeds() -> None:
    trial = Trial()
    seconds = []
    for _ in range(7):
        trial.one(FULL)
        assert trial.rejection is not None
        assert trial.rejection.seconds is not None
        seconds.append(trial.rejection.seconds)
        trial.now += trial.rejection.seconds
    assert seconds == [1, 2, 4, 8, 16, 30, 30]

    trial.one(S)
    trial.one(FULL)

    assert trial.rejection == Rejected(1.0, Why.CAPACITY)


def test_of_many_429s_at_once_the_longest_holds_and_one_event_tells_of_them() -> None:
    trial = Trial()
    permits = [trial.ask() for _ in range(4)]

    for permit, said in zip(permits, [None, 20.0, 3.0, None], strict=True):
        trial.circuit.report(permit, Finding(FULL, "token_quota_exceeded", said), trial.now)

    assert trial.rejection == Rejected(20.0, Why.CAPACITY)
    assert trial.told == [("circuit.gated", {"why": "token_quota_exceeded", "seconds": 1.0})]


def test_a_misconfiguration_is_told_once_as_an_alert() -> None:
    trial = Trial()
    for permit in [trial.ask(), trial.ask()]:
        trial.circuit.report(permit, Finding(OURS, "401 wrong_api_key"), trial.now)

    assert trial.rejection == Rejected(MISCONFIGURED_SECONDS, Why.MISCONFIGURED)
    assert trial.told == [("circuit.misconfigured", {"why": "401 wrong_api_key", "seconds": 60.0, "alert": True})]


def test_answers_that_began_well_and_broke_count_as_failures() -> None:
    trial = Trial()
    permits = [trial.ask() for _ in range(10)]
    for permit in permits:
        trial.circuit.report(permit, Finding(S), trial.now)

    for permit in permits[:5]:
        assert trial.circuit.state is State.CLOSED
        trial.circuit.broke(permit, trial.now)

    assert trial.circuit.state is State.OPEN


def test_a_probe_that_began_well_and_broke_opens_again() -> None:
    trial = trial_in(State.HALF_OPEN)
    permit = trial.ask()
    trial.circuit.report(permit, Finding(S), trial.now)

    trial.circuit.broke(permit, trial.now)

    assert trial.circuit.state is State.OPEN


def test_answers_that_began_well_and_drip_count_as_slow() -> None:
    trial = Trial()
    permits = [trial.ask() for _ in range(10)]
    for permit in permits:
        trial.circuit.report(permit, Finding(S), trial.now)

    for permit in permits[:8]:
        assert trial.circuit.state is State.CLOSED
        trial.circuit.dragged(permit, trial.now)

    assert trial.circuit.state is State.OPEN
    assert trial.told[-1][1]["why"] == "slow_ratio"


def test_a_probe_that_drips_opens_again() -> None:
    trial = trial_in(State.HALF_OPEN)
    permit = trial.ask()
    trial.circuit.report(permit, Finding(S), trial.now)

    trial.circuit.dragged(permit, trial.now)

    assert trial.circuit.state is State.OPEN


def test_one_that_drips_since_before_the_circuit_changed_changes_nothing() -> None:
    trial = Trial()
    permit = trial.ask()
    trial.circuit.force(State.FORCED_CLOSED, trial.now)

    trial.circuit.dragged(permit, trial.now)

    assert trial.circuit.snapshot(trial.now)["slow"] == 0


def test_the_last_resort_is_tried_ahead_of_time_by_one_and_not_again_at_once() -> None:
    trial = trial_in(State.OPEN)
    permit = trial.ask(last_resort=True)
    assert trial.circuit.rejection(trial.now, last_resort=True) == Rejected(LEASE_SECONDS, Why.PROBING)

    trial.circuit.report(permit, Finding(F), trial.now)

    assert trial.circuit.rejection(trial.now, last_resort=True) == Rejected(1.0, Why.OPEN)
    assert trial.rejection == Rejected(OPEN_SECONDS, Why.OPEN)
    assert trial.events == []


def test_a_last_resort_that_speaks_is_on_its_way_back() -> None:
    trial = trial_in(State.OPEN)

    trial.one(S, last_resort=True)
    assert trial.events == ["circuit.half_opened"]
    trial.one(S)

    assert trial.circuit.state is State.CLOSED


def test_a_reload_holds_from_the_next_call_on_and_forgets_nothing() -> None:
    trial = Trial()
    trial.many(3, F)
    trial.settings = CircuitsFile.model_validate({"trips": {"consecutive_failures": 4, "window_seconds": 60}})

    trial.one(F)

    assert trial.circuit.state is State.OPEN
