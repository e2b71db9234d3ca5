"""One client's trouble is not everybody's, and a client that is alone is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.circuit.evidence import NO_REQUEST, Evidence

A, B, C = "a", "b", "c"
Steps = list[tuple[str | None, bool]]  # who, and whether it was served


def seen(steps: Steps) -> Evidence:
    evidence = Evidence()
    for now, (client, served) in enumerate(steps, start=1):
        (evidence.served if served else evidence.failed)(client, float(now))
    return evidence


@pytest.mark.parametrize(
    ("steps", "enough"),
    [
        ([(A, False)], True),
        ([(B, True), (A, False)], False),
        ([(B, True), (A, False), (A, False), (A, False)], False),
        ([(B, True), (A, False), (C, False)], True),
        ([(B, True), (A, False), (B, False)], True),
        ([(A, True), (A, False)], True),
        ([(A, False), (B, True)], False),
        ([(B, True), (NO_REQUEST, False)], True),
        ([(B, True), (NO_REQUEST, False), (A, False)], True),
    ],
)
def test_one_client_alone_is_not_believed_while_another_is_served(steps: Steps, enough: bool) -> None:
    assert seen(steps).suffices(0.0) is enough


def test_what_is_older_than_the_window_is_no_evidence() -> None:
    evidence = seen([(B, True), (C, False), (A, False), (A, False)])

    assert [evidence.suffices(since) for since in (0.0, 0.5, 1.0, 2.0)] == [True, True, True, True]
    assert seen([(C, False), (B, True), (A, False)]).suffices(1.0) is False
    assert seen([(C, False), (B, True), (A, False)]).suffices(2.0) is True


@given(st.lists(st.booleans(), min_size=1), st.floats(0, 20))
def test_a_gateway_with_one_client_is_never_blind(served: list[bool], since: float) -> None:
    assert seen([(A, each) for each in served]).suffices(since)


@given(st.lists(st.tuples(st.sampled_from([A, B, C, NO_REQUEST]), st.booleans()), min_size=1))
def test_two_clients_that_fail_are_always_enough(steps: Steps) -> None:
    assert seen([*steps, (A, False), (B, False)]).suffices(0.0)
