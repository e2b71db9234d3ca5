"""What is asked before a target is called, and what differs for one target."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from plugins.circuit.board import Board
from plugins.circuit.facts import Finding, Permit, Rejected, Result, State, Why
from plugins.circuit.standing import FULL_SECONDS
from plugins.policy.circuits import CircuitsFile
from plugins.policy.size import Size
from plugins.policy.targets import Target

A = Target("a", "m", "cerebras", "up")
ALSO_A = Target("also-a", "n", "cerebras", "up")
B = Target("b", "m", "openai", "up")
LEFT = [(b"x-ratelimit-limit-tokens-minute", b"6000"), (b"x-ratelimit-remaining-tokens-minute", b"400")]
SMALL, LARGE = Size(1, 1), Size(1000, 1)


class House:
    def __init__(self, **settings: Any) -> None:
        self.settings = CircuitsFile.model_validate(settings)
        self.board = Board((A, ALSO_A, B), lambda: self.settings, lambda: 0.0, lambda _: None)

    def call(self, target: Target) -> None:
        standing = self.board.standing(target)
        standing.allowance.hear(standing.called(None, 0.0), LEFT, 0.0, let_in=True)

    def fail(self, target: Target, times: int) -> None:
        for _ in range(times):
            permit = self.board.of(target).may_call(0.0)
            assert isinstance(permit, Permit)
            self.board.of(target).report(permit, Finding(Result.FAILURE), 0.0)

    def why(self, target: Target, size: Size | None = SMALL) -> Why | None:
        rejected = self.board.standing(target).may_call(0.0, size)
        return rejected.why if isinstance(rejected, Rejected) else None


def test_the_circuit_is_asked_first_then_the_places_then_what_is_left() -> None:
    house = House(in_flight={"most": 9, "most_per_target": 1})
    house.call(A)
    assert (house.why(A, LARGE), house.why(B, LARGE)) == (Why.FULL, None)

    house.board.standing(A).ended()
    assert (house.why(A, LARGE), house.why(A, SMALL), house.why(A, None)) == (Why.ALLOWANCE, None, None)

    house.call(A)
    house.fail(A, 5)
    assert house.why(A, LARGE) is Why.OPEN


def test_a_target_that_is_forced_closed_is_called_whatever_its_limits() -> None:
    house = House(in_flight={"most": 9, "most_per_target": 1})
    house.board.force("a", State.FORCED_CLOSED, 0.0)
    house.call(A)

    assert house.why(A, LARGE) is None


def test_turning_a_circuit_by_hand_forgets_what_was_left() -> None:
    house = House()
    house.call(A)

    house.board.force("also-a", None, 0.0)

    assert house.why(A, LARGE) is None
    assert house.board.standing(A).in_flight == 1


def test_and_so_does_another_replica_that_hears_of_it() -> None:
    house = House()
    house.call(A)
    assert house.why(A, LARGE) is Why.ALLOWANCE

    house.board.of(A).adopt(State.CLOSED, 0.0, 0, 0, 0.0, turned_at=0.0)

    assert house.why(A, LARGE) is None
    house.call(A)
    assert house.why(A, LARGE) is Why.ALLOWANCE, "what is heard from then on counts"


def test_a_target_that_is_full_is_worth_asking_again_soon() -> None:
    house = House(in_flight={"most": 9, "most_per_target": 1})
    house.call(A)

    assert house.board.standing(A).rejection(0.0, SMALL) == Rejected(FULL_SECONDS, Why.FULL)


def test_what_differs_for_a_target_holds_for_it_by_any_of_its_names_and_for_no_other() -> None:
    house = House(
        trips={"consecutive_failures": 4},
        open={"seconds": 9},
        targets={"also-a": {"trips": {"consecutive_failures": 2}, "open": {"seconds": 7}, "in_flight_most": 3}},
    )
    house.fail(A, 2)
    house.fail(B, 2)

    assert (house.board.of(A).state, house.board.of(B).state) == (State.OPEN, State.CLOSED)
    house.fail(B, 2)
    assert [house.board.of(each).snapshot(0.0)["seconds"] for each in (A, B)] == [7.0, 9.0]


def test_what_a_target_does_not_set_is_as_it_is_for_all() -> None:
    made = CircuitsFile.model_validate(
        {
            "trips": {"minimum_calls": 3, "loop_lag_ms": 5},
            "allowance": {"spare_ratio": 0.5},
            "in_flight": {"most": 50, "most_per_target": 40},
            "targets": {
                "a": {"trips": {"failure_ratio": 0.1}, "allowance": {"heeded": False}},
                "also-a": {"trips": {"slow_ratio": 0.2}, "misconfigured_seconds": 1, "in_flight_most": 4},
            },
        }
    )

    both = made.of(["a", "also-a"])

    assert both.trips == made.trips.model_copy(update={"failure_ratio": 0.1, "slow_ratio": 0.2})
    assert (both.allowance.heeded, both.allowance.spare_ratio) == (False, 0.5)
    assert (both.in_flight.most, both.in_flight.most_per_target, both.misconfigured_seconds) == (50, 4, 1)
    assert both.open == made.open
    assert made.of(["b"]) == made


def test_a_reload_changes_what_differs_and_forgets_nothing() -> None:
    house = House(trips={"consecutive_failures": 9})
    house.fail(A, 2)
    house.call(A)

    house.settings = CircuitsFile.model_validate({"targets": {"a": {"trips": {"consecutive_failures": 3}}}})

    assert (house.board.standing(A).in_flight, house.why(A, LARGE)) == (1, Why.ALLOWANCE)
    house.fail(A, 1)
    assert house.board.of(A).state is State.OPEN


@given(st.lists(st.booleans()))
def test_whatever_comes_and_goes_no_more_are_let_in_than_may_be(steps: list[bool]) -> None:
    house = House(in_flight={"most": 3, "most_per_target": 3})
    standing, inside = house.board.standing(A), 0
    for comes in steps:
        if comes and house.why(A) is None:
            standing.called(SMALL, 0.0)
            inside += 1
        elif not comes and inside:
            standing.ended()
            inside -= 1
        assert standing.in_flight == inside <= 3
        assert (house.why(A) is Why.FULL) == (inside == 3)


def test_nobody_is_rejected_for_its_size_as_long_as_one_target_has_enough_left() -> None:
    house = House()
    house.fail(A, 5)
    house.call(B)

    rejected = house.board.all_rejected((A, B), 0.0, LARGE)

    assert [(target.deployment, each.why) for target, each in rejected] == [("a", Why.OPEN), ("b", Why.ALLOWANCE)]
    assert house.board.all_rejected((A, B), 0.0, SMALL) == []
    assert house.board.all_rejected((A, B), 0.0, LARGE, last_resort=True) == []
