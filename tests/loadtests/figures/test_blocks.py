"""A percentile of drawn stretches is that of the requests in them, as if each draw were written out."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.figures.blocks import draw, quantiles, shares, stretch_of
from loadtests.figures.quantiles import quantile
from tests.loadtests.synthetic import run

HELD = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=1, max_size=40)


@settings(max_examples=25)
@given(held=HELD, percent=st.integers(1, 99))
def test_a_percentile_of_a_draw_is_that_of_its_requests(held: Sequence[tuple[int, int]], percent: int) -> None:
    draws, columns = draw([("stage", stretch) for stretch, _ in held], 1)
    found = quantiles(draws, columns, [float(value) for _, value in held], percent / 100)

    for number in (0, 1, 17, 999):
        weights = draws.weights[number]
        drawn = [
            float(value) for column, (_, value) in zip(columns, held, strict=True) for _ in range(int(weights[column]))
        ]
        assert quantile(sorted(drawn), percent / 100) == found[number]


def test_a_share_of_a_draw_is_that_of_its_requests() -> None:
    draws, columns = draw([("stage", 0), ("stage", 0), ("stage", 1), ("stage", 1)], 1)
    found = shares(draws, columns, [True, False, False, False])

    assert found[:50] == pytest.approx(draws.weights[:50, 0] / 4)


def test_a_stretch_is_of_one_stage_and_a_stage_is_drawn_as_often_as_it_was() -> None:
    stages = [
        {"name": "first", "begin": 0.0, "end": 10.0, "users": 1},
        {"name": "second", "begin": 10.0, "end": 20.0, "users": 2},
    ]
    labels = stretch_of(run(stages=stages).samples)
    draws, columns = draw(labels, 1)
    of_first = sorted({column for column, (stage, _) in zip(columns, labels, strict=True) if stage == "first"})

    assert len(of_first) == 8
    assert set(draws.weights[:, of_first].sum(axis=1)) == {8}
