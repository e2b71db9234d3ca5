"""Requests are due when the scenario says, whatever the number of processes."""

from __future__ import annotations

from itertools import pairwise
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.plan.scenario import Arrival, Stage
from loadtests.plan.timeline import arrivals, place, stretches, users_at
from loadtests.record.sample import Phase

STEPS = stretches(
    [
        Stage(name="few", seconds=10, users=4, ramp_seconds=2),
        Stage(name="many", seconds=10, users=12, ramp_seconds=4),
        Stage(name="again", seconds=10, users=2),
    ]
)
STAGES = st.lists(
    st.builds(
        Stage,
        name=st.just("one"),
        seconds=st.floats(1, 20),
        rate=st.floats(0.5, 80),
        ramp_seconds=st.floats(0, 0.9),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize(
    ("at", "where"),
    [
        (0.0, ("few", Phase.RAMP)),
        (2.0, ("few", Phase.STEADY)),
        (9.999, ("few", Phase.STEADY)),
        (10.0, ("many", Phase.RAMP)),
        (14.0, ("many", Phase.STEADY)),
        (20.0, ("again", Phase.STEADY)),
        (30.0, ("again", Phase.DRAIN)),
    ],
)
def test_a_request_belongs_to_the_stage_in_which_it_was_due(at: float, where: tuple[str, Phase]) -> None:
    assert where == place(STEPS, at)


def test_users_come_over_the_ramp_of_their_stage() -> None:
    assert users_at(STEPS, 1) == (4, 2.0)
    assert users_at(STEPS, 10) == (12, 2.0)
    assert users_at(STEPS, 25) == (2, 100.0)
    assert users_at(STEPS, 30) is None


@given(STAGES, st.sampled_from(["constant", "poisson"]), st.integers(0, 99))
def test_requests_are_due_in_order_and_within_the_run(stages: list[Stage], arrival: Arrival, seed: int) -> None:
    line = stretches(stages)
    due = list(arrivals(line, arrival, 1.0, str(seed)))

    assert due == sorted(due)
    assert all(0 <= each < line[-1].end for each in due)
    assert due == list(arrivals(line, arrival, 1.0, str(seed)))


@given(STAGES, st.integers(1, 8))
def test_several_processes_send_together_what_one_would(stages: list[Stage], processes: int) -> None:
    line = stretches(stages)
    rates = [stage.rate or 0.0 for stage in stages]
    ramps = sum(
        (rate - was) * stage.ramp_seconds / 2 for stage, was, rate in zip(stages, [0, *rates], rates, strict=False)
    )
    asked = sum(stage.seconds * rate for stage, rate in zip(stages, rates, strict=True)) - ramps
    sent = [each for process in range(processes) for each in arrivals(line, "constant", 1 / processes, str(process))]

    assert len(sent) == pytest.approx(asked, abs=processes + 0.01)


def test_processes_do_not_send_in_step() -> None:
    line = stretches([Stage(name="one", seconds=10, rate=10)])
    firsts = {next(arrivals(line, "constant", 0.25, f"1/{process}")) for process in range(4)}

    assert len(firsts) == 4


def test_poisson_arrivals_have_the_rate_and_the_spread_of_chance() -> None:
    due = list(arrivals(stretches([Stage(name="one", seconds=200, rate=20)]), "poisson", 1.0, "1"))
    gaps = [after - before for before, after in pairwise(due)]
    middle = mean(gaps)
    spread = mean((gap - middle) ** 2 for gap in gaps) ** 0.5

    assert len(due) == pytest.approx(4000, rel=0.05)
    assert spread == pytest.approx(middle, rel=0.1)
