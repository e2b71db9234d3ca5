"""Whatever happens in whatever order, the circuit does what a naive model of it does; and no mutant of it would."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from plugins.circuit import machine
from tests.circuit.history import history, mutant

QUICK: dict[str, Any] = {
    "database": None,
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "stateful_step_count": 40,
}


def test_the_way_mutants_are_made_changes_nothing_by_itself() -> None:
    same = mutant("class Circuit:", "class Circuit:")

    run_state_machine_as_test(history(same), settings=settings(max_examples=5, **QUICK))


def test_any_history_goes_as_the_model_says() -> None:
    run_state_machine_as_test(history(machine), settings=settings(max_examples=200, derandomize=True, **QUICK))


MUTANTS = {
    "an older generation still counts": (
        "permit.generation == self.generation and self.state",
        "self.state",
    ),
    "a change begins no generation": ("        self.generation += 1\n", ""),
    "a late probe counts although another took its place": (
        "if permit.probe != self._lease:",
        "if False:",
    ),
    "a probe that never reports blocks for ever": (
        "self._lease_until = now + self._settings().probe.lease_seconds",
        "self._lease_until = now + 10**6",
    ),
    "everybody may probe at once": ("self._lease = self._leases\n", "self._lease = 0\n"),
    "a probe that was cancelled keeps its lease": ("            self._lease = 0\n        match", "        match"),
    "one success closes": ("self._successes >= self._settings().probe.successes", "self._successes >= 1"),
    "a slow probe is a good one": ("if result is Result.SUCCESS:\n", "if result is not Result.FAILURE:\n"),
    "a failure does not count in a row": ("self._consecutive += 1", "self._consecutive = 1"),
    "a success leaves the row as it is": ("self._consecutive = self._unsaid = 0", "self._unsaid = 0"),
    "ratios without a minimum of calls": ("tally.calls >= trips.minimum_calls", "tally.calls >= 1"),
    "the failure ratio is met a call too late": ("tally.failures >= trips", "tally.failures > trips"),
    "slow calls never open": ("tally.slow >= trips.slow_ratio * tally.calls", "False"),
    "an answer that breaks is none of its business": ("failures=1)", "failures=0)"),
    "the open time does not grow": ("2.0**self._ejections", "1.0"),
    "the open time has no cap": ("min(grown, rule.most_seconds)", "grown"),
    "no jitter": ("(1 + rule.jitter_ratio * self._chance())", "1"),
    "openings are never forgotten": ("self._ejections - forgiven", "self._ejections"),
    "a recovery forgets nothing": ("max(0, self._ejections - 1)", "self._ejections"),
    "a recovery forgets everything": ("max(0, self._ejections - 1)", "0"),
    "closing keeps the failures of before": ("        self._tally.clear()\n", "        pass\n"),
    "a 429 is believed whatever it says": ("min(max(finding.seconds, rule.least_seconds), most)", "finding.seconds"),
    "a shorter 429 shortens a longer": ("max(self._full_until, now + seconds)", "now + seconds"),
    "a 429 is a failure as well": (
        "                self._refuse_for_capacity(finding, now)\n",
        (
            "                self._refuse_for_capacity(finding, now)\n"
            "                self._called(Result.FAILURE, now, finding.origin, client)\n"
        ),
    ),
    "of many 429s at once each makes it longer": (
        "        elif gated:\n            return",
        "        elif False:\n            return",
    ),
    "a misconfiguration holds for a moment only": (
        "self._misconfigured_until = now + self._settings().misconfigured_seconds",
        "self._misconfigured_until = now + 1",
    ),
    "forced open is open for a while": (
        "            return Rejected(None, Why.FORCED_OPEN)\n",
        "            return Rejected(5.0, Why.FORCED_OPEN)\n",
    ),
    "forced closed still trips": (
        "permit.generation == self.generation and self.state not in _FORCED",
        "permit.generation == self.generation",
    ),
    "one client is believed whoever else is served": (
        "if why and self._evidence.suffices(now - self._settings().trips.window_seconds):",
        "if why:",
    ),
    "one client is not believed for longer than the window": ("now - self._settings().trips.window_seconds):", "0.0):"),
    "a slow answer is no evidence": (
        "        if failed or slow:\n            self._evidence",
        "        if failed:\n            self._evidence",
    ),
    "what broke later is no evidence": (
        "failures=1)\n            self._evidence.failed(client, now)\n",
        "failures=1)\n",
    ),
    "what was served is forgotten": ("self._evidence.served(client, now)", "pass"),
    "closing keeps the evidence of before": (
        "        self._tally.clear()\n        self._evidence = Evidence()\n",
        "        self._tally.clear()\n",
    ),
    "the last resort does not wait between its tries": (
        "self._not_before = now + self._settings().probe.between_seconds",
        "self._not_before = 0.0",
    ),
    "the last resort goes through when there are others": (
        "if last_resort else self._open_until",
        "if True else self._open_until",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_no_mutant_survives_any_history(name: str) -> None:
    quick = settings(max_examples=400, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False, **QUICK)

    with pytest.raises(AssertionError):
        run_state_machine_as_test(history(mutant(*MUTANTS[name])), settings=quick)
