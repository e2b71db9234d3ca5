"""The circuits of a process: one per target, whatever its deployments are called."""

from __future__ import annotations

from typing import Any

from plugins.circuit.board import Board
from plugins.circuit.facts import Finding, Permit, Result, State, Why
from plugins.policy.circuits import CircuitsFile
from plugins.policy.targets import Target

SECRET = "sk-written-down"
A = Target("a", "m", "cerebras", "up", base="http://1", credential=SECRET)
SAME = Target("same", "other-name", "cerebras", "up", base="http://1", credential=SECRET)
OTHER_MODEL = Target("other-model", "n", "cerebras", "up-2", base="http://1", credential=SECRET)
OTHER_KEY = Target("other-key", "m", "cerebras", "up", base="http://1", credential="sk-another")
TARGETS = (A, SAME, OTHER_MODEL, OTHER_KEY)


def board(told: list[dict[str, Any]] | None = None, **settings: Any) -> Board:
    made = CircuitsFile.model_validate(settings)
    return Board(TARGETS, lambda: made, lambda: 0.0, ([] if told is None else told).append)


def fail(over: Board, target: Target, times: int = 5) -> None:
    for _ in range(times):
        permit = over.of(target).may_call(0.0)
        assert isinstance(permit, Permit)
        over.of(target).report(permit, Finding(Result.FAILURE), 0.0)


def test_two_deployments_of_one_target_share_its_circuit_and_no_others_do() -> None:
    made = board()
    fail(made, A, 3)
    fail(made, SAME, 2)

    assert {target.deployment: made.of(target).state for target in TARGETS} == {
        "a": State.OPEN,
        "same": State.OPEN,
        "other-model": State.CLOSED,
        "other-key": State.CLOSED,
    }


def test_events_and_snapshots_name_deployments_and_no_keys() -> None:
    told: list[dict[str, Any]] = []
    made = board(told)
    fail(made, SAME)

    (event,) = told
    assert (event["event"], event["target"], event["also"]) == ("circuit.opened", "a", ["same"])
    assert [(row["target"], row["also"]) for row in made.snapshot(0.0)] == [
        ("a", ["same"]),
        ("other-model", []),
        ("other-key", []),
    ]
    assert SECRET not in f"{told}{made.snapshot(0.0)}"


def test_a_target_that_was_not_there_at_the_start_gets_a_circuit_too() -> None:
    made = board()
    late = Target("late", "m", "openai", "up")

    assert made.of(late) is made.of(late)
    assert made.force("late", State.FORCED_OPEN, 0.0)


def test_nobody_is_rejected_as_long_as_one_target_may_be_called() -> None:
    made = board()
    fail(made, A)

    assert made.all_rejected((A, OTHER_KEY), 1.0) == []


def test_when_all_are_open_they_are_the_last_resort_unless_the_operator_says_otherwise() -> None:
    made, strict = board(), board(probe={"all_open": "refuse"})
    for each in (made, strict):
        fail(each, A)
        fail(each, OTHER_KEY)

    assert (made.has_last_resort, strict.has_last_resort) == (True, False)
    assert made.all_rejected((A, OTHER_KEY), 1.0, last_resort=True) == []
    rejected = strict.all_rejected((A, OTHER_KEY), 1.0)
    assert [(target.deployment, each.why, each.seconds) for target, each in rejected] == [
        ("a", Why.OPEN, 4.0),
        ("other-key", Why.OPEN, 4.0),
    ]


def test_a_deployment_that_there_is_not_cannot_be_forced() -> None:
    assert not board().force("b", State.FORCED_OPEN, 0.0)
