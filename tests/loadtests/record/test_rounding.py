"""What Locust's page shows is what was measured, to the last digit that matters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.record.rounding import three_digits


@given(st.floats(0, 1e7))
def test_a_rounded_figure_is_off_by_less_than_one_percent(value: float) -> None:
    assert three_digits(value) == pytest.approx(value, rel=0.006, abs=0.51)
