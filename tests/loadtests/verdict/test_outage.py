"""What a fault cost is counted from its begin, and how soon the target was back, from its end."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from loadtests.record.sample import Mark, MarkKind, Outcome, Sample
from loadtests.verdict.outage import Outage, outages
from tests.loadtests.synthetic import FALLBACK, PRIMARY, broken, run

FAULT = Mark(kind=MarkKind.FAULT, what="503", at=8.0, until=12.0, target="cerebras")
OPENED = Mark(kind=MarkKind.CIRCUIT, what="opened", at=9.0, target=PRIMARY)
CLOSED = Mark(kind=MarkKind.CIRCUIT, what="closed", at=13.0, target=PRIMARY)


def failing_over(one: Sample, _: Random) -> Sample:
    """Lost until the circuit opens at 9 s, then a fallback's, until the circuit closes at 13 s."""
    if 8 <= one.intended < 9:
        return broken(one, Outcome.FAILED)
    if 10 <= one.intended < 10.1:
        return broken(one, Outcome.SHED)
    return replace(one, target=FALLBACK) if 9 <= one.intended < 13 else one


def of(*marks: Mark) -> Outage:
    (found,) = outages(run(change=failing_over).samples, marks, frozenset({PRIMARY}))
    return found


def test_a_fault_is_told_with_what_it_cost() -> None:
    found = of(FAULT, OPENED, CLOSED)

    assert (found.requests, found.lost, found.lost_before_trip, found.fallback) == (240, 66, 60, 174)
    assert found.tripped_after == pytest.approx(1.0)
    assert found.rescued_after == pytest.approx(1.17, abs=0.02)
    assert found.back_after == pytest.approx(1.17, abs=0.02)
    assert found.first_before == pytest.approx(173, abs=2)
    assert found.first_until_trip == float("inf")
    assert found.as_dict()["first_until_trip"] is None


def test_a_circuit_of_another_provider_did_not_trip_for_it() -> None:
    assert of(FAULT, replace(OPENED, target=FALLBACK)).tripped_after is None


def test_a_fault_after_which_nothing_came_has_no_way_back() -> None:
    dead = run(change=lambda one, _: one if one.intended < 8 else broken(one, Outcome.FAILED))
    (found,) = outages(dead.samples, [FAULT], frozenset({PRIMARY}))

    assert (found.rescued_after, found.back_after) == (None, None)


def test_a_run_without_a_fault_tells_of_none() -> None:
    assert outages(run().samples, [OPENED], frozenset()) == []
