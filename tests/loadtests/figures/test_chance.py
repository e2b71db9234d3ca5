"""Chances agree with published tables, and with counting where counting is possible."""

from __future__ import annotations

from math import comb, isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.figures.chance import at_least, at_most, beyond_t, share_between, t_beyond
from loadtests.figures.proof import Answer, more_needed, prove
from loadtests.figures.quantiles import between, quantile


@given(of=st.integers(1, 60), seen=st.integers(0, 60), share=st.floats(0.001, 0.999))
def test_the_binomial_is_what_counting_says(of: int, seen: int, share: float) -> None:
    counted = sum(comb(of, each) * share**each * (1 - share) ** (of - each) for each in range(min(seen, of) + 1))

    assert isclose(min(1.0, counted), at_most(seen, of, share), abs_tol=1e-9)
    assert isclose(1.0, at_most(seen, of, share) + at_least(seen + 1, of, share), abs_tol=1e-9)


@pytest.mark.parametrize(
    ("share", "confidence", "requests"),
    [
        (0.95, 0.95, (59, 93, 124, 208)),
        (0.99, 0.95, (299, 473, 628, 1049)),
        (0.99, 0.99, (459, 662, 838, 1307)),
    ],
)
def test_so_many_requests_prove_a_percentile_as_mlperf_counts_them(
    share: float, confidence: float, requests: tuple[int, ...]
) -> None:
    for over, least in zip((0, 1, 2, 5), requests, strict=True):
        assert prove(over, least, 1 - share, confidence).answer is Answer.HELD
        assert prove(over, least - 1, 1 - share, confidence).answer is Answer.UNPROVEN


@pytest.mark.parametrize(("t", "freedom"), [(12.7062, 1), (2.2281, 10), (2.0423, 30), (1.9623, 1000)])
def test_students_t_is_that_of_the_tables(t: float, freedom: float) -> None:
    assert beyond_t(t, freedom) == pytest.approx(0.05, abs=1e-4)
    assert t_beyond(0.05, freedom) == pytest.approx(t, rel=1e-4)


def test_a_share_lies_between_clopper_and_pearsons_bounds() -> None:
    assert share_between(3, 50, 0.95) == pytest.approx((0.01255, 0.16548), abs=1e-5)
    assert share_between(0, 100, 0.95) == pytest.approx((0, 0.03622), abs=1e-5)
    assert share_between(0, 0, 0.95) == (0, 1)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.integers(1, 99))
def test_a_percentile_is_the_smallest_value_that_enough_do_not_exceed(seen: list[int], percent: int) -> None:
    found = quantile([float(each) for each in sorted(seen)], percent / 100)

    assert found is not None
    assert sum(each <= found for each in seen) * 100 >= percent * len(seen)
    assert sum(each < found for each in seen) * 100 < percent * len(seen)


def test_the_bounds_of_a_percentile_are_ranks_and_absent_where_the_sample_is_too_small() -> None:
    hundred = [float(each) for each in range(1, 101)]

    assert between(hundred, 0.5, 0.95) == (40, 61)
    assert between(hundred, 0.99, 0.95) is None


@given(of=st.integers(0, 2000), over=st.integers(0, 40), allowed=st.sampled_from([0.01, 0.05, 0.5]))
def test_as_many_more_as_are_said_to_be_needed_are_enough(of: int, over: int, allowed: float) -> None:
    over = min(over, of)
    more = more_needed(over, of, allowed, 0.95)

    if more is not None and more > 0:
        seen = over / of if of else 0
        assert prove(round(seen * (of + more)), of + more, allowed, 0.95).answer is not Answer.UNPROVEN
        assert prove(over, of, allowed, 0.95).answer is Answer.UNPROVEN
