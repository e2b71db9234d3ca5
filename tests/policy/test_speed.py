"""A measured speed beside the published ones."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.policy.catalog import Row
from plugins.policy.speed import Pace, Reference, pace_of_first_token, pace_of_rate, reference


def row(**speed: Any) -> Row:
    facts = {"stage": "production", "mark": "confirmed", "verified_on": "2026-11-20"}
    return Row.model_validate({**facts, "speed": speed})


def figure(**values: float) -> dict[str, Any]:
    return {**values, "source": "somebody"}


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (None, Reference()),
        (row(), Reference()),
        (row(vendor_tokens_per_s=3000), Reference(3000)),
        (
            row(vendor_tokens_per_s=3000, independent=[figure(tokens_per_s=rate) for rate in (1700, 1800, 2100)]),
            Reference(1800),
        ),
        (
            row(vendor_tokens_per_s=1850, independent=[figure(first_token_ms=420), figure(first_token_ms=310)]),
            Reference(1850, 365),
        ),
    ],
    ids=["no row", "nothing known", "vendor alone", "others measured", "first tokens alone"],
)
def test_what_others_measured_comes_before_what_the_vendor_says(known: Row | None, expected: Reference) -> None:
    assert expected == reference(known)


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (30_000, Pace.BURST),
        (20_000, Pace.BURST),
        (19_999, Pace.RIGHT),
        (2_000, Pace.RIGHT),
        (1_000, Pace.RIGHT),
        (999, Pace.DOUBTFUL),
        (201, Pace.DOUBTFUL),
        (200, Pace.WRONG),
        (3, Pace.WRONG),
    ],
)
def test_within_a_factor_of_two_a_rate_is_right_and_at_ten_it_is_wrong(measured: float, expected: Pace) -> None:
    assert expected is pace_of_rate(measured, 2_000)


@pytest.mark.parametrize(
    ("measured", "expected"),
    [(1, Pace.RIGHT), (600, Pace.RIGHT), (601, Pace.DOUBTFUL), (2_999, Pace.DOUBTFUL), (3_000, Pace.WRONG)],
)
def test_a_first_token_is_judged_the_same_way_and_is_never_too_early(measured: float, expected: Pace) -> None:
    assert expected is pace_of_first_token(measured, 300)


def test_what_is_not_known_is_not_judged() -> None:
    assert pace_of_rate(1, None) is Pace.UNKNOWN
    assert pace_of_first_token(1, None) is Pace.UNKNOWN
