"""How far a sweep goes, and which of its levels count."""

from __future__ import annotations

from typing import Any

import pytest

from loadtests.engine.climb import Climb, End
from loadtests.plan.scenario import Ask, Scenario, Stage
from loadtests.plan.timeline import stretches

STAGES = [Stage(name=f"level-{users}", seconds=10, users=users, ramp_seconds=2) for users in (4, 8, 16)]
SWEEP = Scenario(purpose="x", asks=[Ask(model="chat")], stages=STAGES, ends_at_knee=True)


def climb(scenario: Scenario = SWEEP) -> Climb:
    return Climb(scenario, stretches(scenario.stages), None, [])


def lags(**p99_ms: float) -> list[dict[str, Any]]:
    return [{"stages": {name.replace("_", "-"): {"cpu_share": 0.1, "p99_ms": late} for name, late in p99_ms.items()}}]


@pytest.mark.parametrize(
    ("reached", "end"),
    [
        pytest.param(5.0, End("stopped", 1), id="within the first level, which is all there is"),
        pytest.param(25.0, End("stopped", 2), id="within the third, which does not count"),
        pytest.param(30.2, None, id="at its end"),
    ],
)
def test_a_level_in_which_a_sweep_was_stopped_does_not_count(reached: float, end: End | None) -> None:
    assert climb().finish(reached, lags(level_4=1, level_8=1, level_16=1)) == end


def test_a_last_level_that_was_too_much_for_the_generator_does_not_count() -> None:
    end = climb().finish(30.2, lags(level_4=1, level_8=1, level_16=45))

    assert end == End(
        "generator", 2, "at 16 users the generator was 45.0 ms late at the 99th percentile, and 20.0 is allowed"
    )


def test_a_run_that_is_no_sweep_goes_on_to_its_end() -> None:
    scenario = SWEEP.model_copy(update={"ends_at_knee": False})

    assert climb(scenario).finish(5.0, lags(level_4=500)) is None
