"""Whatever happens to a fleet and its store: one probe in flight, nobody falls back, and in quiet all agree."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.circuit.fleet_history import FleetHistory


def test_any_history_of_a_fleet_comes_to_an_agreement() -> None:
    thorough = settings(
        max_examples=120,
        stateful_step_count=40,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(FleetHistory, settings=thorough)
