"""How much a worker carries, and when one more is told so."""

from __future__ import annotations

import pytest

from plugins.front.places import Places
from plugins.policy.circuits import InFlight

SETTINGS = InFlight(most=5, most_per_target=5, loop_lag_ms=200, least=3)


@pytest.mark.parametrize(
    ("taken", "lag", "shed"),
    [
        (0, 0.0, False),
        (4, 0.2, False),
        (5, 0.0, True),
        (3, 0.201, True),
        (2, 60.0, False),
    ],
)
def test_a_request_is_shed_when_all_places_are_taken_or_the_process_does_not_keep_up(
    taken: int, lag: float, shed: bool
) -> None:
    places = Places(lambda: SETTINGS, lambda: lag)
    places.taken = taken

    refusal = places.refusal()

    assert (refusal is not None, places.shed) == (shed, int(shed))
    if refusal:
        assert (refusal.status, refusal.code, refusal.retry_after) == (503, "overloaded", 1.0)
        assert f"{taken} requests" in refusal.reason


def test_a_reload_changes_how_much_is_carried_at_once() -> None:
    most = 1
    places = Places(lambda: InFlight(most=most, most_per_target=1))
    places.taken = 1
    assert places.refusal()

    most = 2

    assert places.refusal() is None
