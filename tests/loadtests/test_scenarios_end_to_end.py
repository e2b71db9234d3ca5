"""Each shipped scenario, shortened, as `make load` runs it: it ends in time, and says what it is there to find out."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadtests.__main__ import main
from loadtests.exits import Exit
from loadtests.plan.reading import SCENARIOS
from loadtests.record import folder
from loadtests.record.folder import Run
from loadtests.record.sample import Outcome
from tests.support.provider import Provider, provider

FAST = "--first-token 0.02 --pace 10000 --tokens 60 --text numbered".split()


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with provider("cerebras", tmp_path_factory.mktemp("provider"), *FAST) as running:
        yield running


class Load:
    """A model of the provider's instead of the gateway's workloads; what it ends with may be void on a busy machine."""

    def __init__(self, simulated: Provider, out: Path) -> None:
        self._simulated = simulated
        self._out = out

    def __call__(self, scenario: str, *more: str) -> tuple[Run, dict[str, Any]]:
        where = ["--target", self._simulated.base, "--model", "gpt-oss-120b", "--out", str(self._out)]
        assert main(["run", scenario, *where, *more]) in (Exit.HELD, Exit.MISSED, Exit.VOID)
        (place,) = self._out.glob("2*")
        run = folder.read(place)
        assert {sample.outcome for sample in run.samples} <= {Outcome.WHOLE, Outcome.BUFFERED}
        assert not list(place.glob("*.part"))
        return run, json.loads((place / "verdict.json").read_text())


@pytest.fixture
def load(simulated: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    for name in [name for name in os.environ if name.startswith(("LITELLM_", "OPENAI_", "CEREBRAS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OPENAI_API_KEY", "simulated")
    monkeypatch.setenv("CEREBRAS_API_KEY", "simulated")
    return Load(simulated, tmp_path)


def stages(run: Run) -> list[str]:
    return list(dict.fromkeys(sample.stage for sample in run.samples))


def findings(verdict: dict[str, Any]) -> set[str]:
    return {each["name"] for each in verdict["findings"]}


def test_a_sweep_climbs_until_it_knows_where_it_ends_and_says_so(load: Load, tmp_path: Path) -> None:
    """Nobody can keep this promise, so that two levels are enough of four."""
    slo, sweep = tmp_path / "slo.yaml", tmp_path / "sweep.yaml"
    slo.write_text("default: {first_token_ms: {p50: 1}}\n")
    # On a busy machine the generator would end it.
    sweep.write_text((SCENARIOS / "sweep.yaml").read_text() + "generator: {lag_ms: 5000}\n")
    run, verdict = load(str(sweep), "--users", "8", "--seconds", "6", "--slo", str(slo))
    found = verdict["sweep"]

    assert (found["ended_by"], [level["load"] for level in found["levels"]]) == ("missed", [1, 2])
    assert found["sentence"].startswith(
        "no knee up to 2 users, but promises are missed from 1 user on, so it went no further"
    )
    assert len(stages(run)) == 2
    assert run.info["seconds"] < 6


def test_a_spike_says_whether_users_felt_it(load: Load) -> None:
    run, verdict = load("spike", "--seconds", "4", "--rate", "100")

    assert stages(run) == ["before", "spike", "after"]
    rates = Counter(sample.stage for sample in run.samples)
    assert rates["spike"] > 2 * rates["before"]
    assert "burst" in findings(verdict)


def test_a_soak_can_be_as_short_as_one_likes(load: Load) -> None:
    run, _ = load("soak", "--seconds", "2", "--rate", "40")

    assert stages(run) == ["steady"]
    assert 40 <= len(run.samples) <= 120  # 79 are due, as luck has it
    assert run.info["seconds"] < 10


def test_arrivals_count_from_when_they_were_due(load: Load) -> None:
    run, verdict = load("arrivals", "--seconds", "2")

    assert all(sample.sent >= sample.intended for sample in run.samples)
    assert {each["workload"] for each in verdict["promises"]} == {"gpt-oss-120b"}


def test_a_mix_asks_for_everything_at_once(load: Load, simulated: Provider) -> None:
    """Five asks: short ones and long ones, with a stream and without."""
    simulated.reset()
    others = "--model qwen-3.8-27b --model gpt-oss-120b --model qwen-3.8-27b --model gpt-oss-120b".split()
    run, verdict = load("mix", "--seconds", "2", "--rate", "60", *others)
    bodies = [chat["body"] for chat in simulated.chats()]

    assert {each["workload"] for each in verdict["promises"]} == {"gpt-oss-120b", "qwen-3.8-27b"}
    assert {bool(body.get("stream")) for body in bodies} == {True, False}
    assert max(sample.prompt_tokens or 0 for sample in run.samples) > 4000


def test_steady_asks_the_provider_itself_meanwhile(load: Load, simulated: Provider) -> None:
    run, _ = load("steady", "--seconds", "2", "--users", "4", "--direct", simulated.base)

    assert {sample.way for sample in run.samples} == {"target", "direct", "sdk"}
