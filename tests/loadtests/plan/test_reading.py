"""A bad scenario, prompts file or log: every problem at once, with place and cure, before anything is sent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from loadtests.commands import schema
from loadtests.plan.consent import beyond
from loadtests.plan.cost import estimate
from loadtests.plan.overrides import OverrideError, Overrides
from loadtests.plan.reading import ROOT, names, prices, read

BAD = Path(__file__).parent / "bad"
HERE = "tests/loadtests/plan/bad"
NOTHING = Overrides()


def complaints(name: str) -> list[str]:
    plan, problems = read(str(BAD / name), NOTHING)
    assert plan is None
    return [str(problem).removeprefix(f"{HERE}/") for problem in problems]


@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_is_right_and_keeps_within_its_own_bounds(name: str) -> None:
    plan, problems = read(name, NOTHING)

    assert problems == []
    assert plan is not None
    guess = estimate(plan.scenario, plan.prompt_tokens(), plan.replayed, prices())
    assert (beyond(guess, plan.scenario.bounds), guess.cost is not None) == ([], True)


def test_all_mistakes_of_a_scenario_are_told_at_once_with_place_and_cure() -> None:
    assert complaints("mistakes-of-every-kind.yaml") == [
        "mistakes-of-every-kind.yaml:1 purpose: must not be empty (was '')",
        (
            "mistakes-of-every-kind.yaml:2 arrival: must be 'closed', 'constant', 'poisson' or 'recorded' "
            "(was 'poison'); "
            "did you mean 'poisson'?"
        ),
        "mistakes-of-every-kind.yaml:4 asks[0].model: must be a name of letters, digits and . _ : / @ - (was 'a b')",
        "mistakes-of-every-kind.yaml:4 asks[0].weight: must be more than 0 (was 0)",
        "mistakes-of-every-kind.yaml:5 asks[1].model: is missing; add it",
        "mistakes-of-every-kind.yaml:5 asks[1].max_tokens: must be a whole number (was 'many')",
        "mistakes-of-every-kind.yaml:5 asks[1].modle: is not a known key; did you mean 'model'?",
        "mistakes-of-every-kind.yaml:7 stages[0].seconds: must be more than 0 (was -1)",
        "mistakes-of-every-kind.yaml:9 faults[0].provider: must be 'cerebras' or 'fallback' (was 'azure')",
        "mistakes-of-every-kind.yaml:10 colour: is not a known key; remove it",
    ]


def test_settings_that_do_not_fit_together_are_told_by_the_place_of_each() -> None:
    assert complaints("settings-that-do-not-fit.yaml") == [
        "settings-that-do-not-fit.yaml:6 stages[0].users: is missing: a stage with arrival 'closed' needs it; add it",
        "settings-that-do-not-fit.yaml:6 stages[0].rate: means nothing with arrival 'closed'; use 'users'",
        (
            "settings-that-do-not-fit.yaml:6 stages[0].ramp_seconds: leaves nothing of the stage's 10 seconds "
            "to measure (was 10); make it shorter"
        ),
        "settings-that-do-not-fit.yaml:6 stages[0].name: is the name of another stage too (was 'one')",
        "settings-that-do-not-fit.yaml:7 stages[1].name: is the name of another stage too (was 'one')",
        (
            "settings-that-do-not-fit.yaml:4 recorded: means nothing with arrival 'closed'; "
            "remove it, or set `arrival: recorded`"
        ),
        "settings-that-do-not-fit.yaml:3 asks: is missing; add what is asked, such as `- {model: chat}`",
        (
            "settings-that-do-not-fit.yaml:10 faults[1].seconds: ends after the run, which takes 20 seconds (was 20); "
            "make it shorter, or the stages longer"
        ),
        "settings-that-do-not-fit.yaml:10 faults[1].at: is within the fault at 5 of the same provider (was 8); move it",
    ]


def test_each_line_of_a_prompts_file_has_its_own_complaint() -> None:
    assert complaints("files-that-are-not-there.yaml") == [
        "files-that-are-not-there.yaml:3 asks[0].weight: must be more than 0 (was 0)",
        (
            "files-that-are-not-there.yaml:3 asks[0].prompts: cannot be read, no such file or directory "
            "(was 'nowhere.jsonl')"
        ),
        "prompts.jsonl:2: is not JSON, invalid literal, expected 'null'; one JSON object per line",
        "prompts.jsonl:3: needs one of messages, prompt or conversations; keep one of them",
        'prompts.jsonl:4: has a message without a role; such as {"role": "user", "content": "Hello"}',
        'prompts.jsonl:5: has a turn from \'robot\'; such as {"from": "human", "value": "Hello"}',
        "prompts.jsonl:6: has the size 0; max_tokens is a whole number above 0",
        (
            "prompts.jsonl:7: has the unknown key 'temperature'; remove it; known are conversations, id, "
            "max_completion_tokens, max_tokens, messages, prompt, tool_choice, tools"
        ),
    ]


def test_a_scenario_that_is_not_there_is_told_with_those_that_are() -> None:
    (problem,) = read("smok", NOTHING)[1]

    assert "did you mean 'smoke'?" in str(problem)


def test_a_log_without_answers_cannot_be_replayed(tmp_path: Path) -> None:
    (tmp_path / "gateway.log").write_text('{"event": "gateway.ready"}\n')
    scenario = tmp_path / "replay.yaml"
    log = tmp_path / "gateway.log"
    scenario.write_text(
        f"purpose: Replay.\narrival: recorded\nrecorded: {{log: {log}}}\nstages: [{{name: all, seconds: 5}}]\n"
    )
    (problem,) = read(str(scenario), NOTHING)[1]

    assert (problem.line, problem.what) == (3, "holds no request.finished line of an answer")


def test_a_run_can_be_shorter_and_bigger_without_another_file() -> None:
    plan, _ = read("sweep", Overrides(seconds=12, users=64, models=("gpt-oss-120b",), max_tokens=7, seed=5))
    assert plan is not None
    scenario = plan.scenario

    assert scenario.seconds == pytest.approx(12)
    assert [stage.users for stage in scenario.stages] == [1, 2, 4, 8, 16, 32, 64]  # none twice
    assert [(ask.model, ask.max_tokens) for ask in scenario.asks] == [("gpt-oss-120b", 7)]
    shorter, _ = read("failover", Overrides(seconds=6))
    assert shorter is not None
    first = shorter.scenario.faults[0]
    assert (first.at, first.seconds) == pytest.approx((1.0, 0.8))
    with pytest.raises(OverrideError, match="use --users"):
        read("sweep", Overrides(rate=5))


def test_two_plans_are_alike_unless_what_they_ask_differs() -> None:
    def hashed(by: Overrides) -> str:
        plan, _ = read("smoke", by)
        assert plan is not None
        return plan.hash()

    assert hashed(NOTHING) == hashed(Overrides(processes=4))
    assert len({hashed(NOTHING), hashed(Overrides(max_tokens=9)), hashed(Overrides(users=9))}) == 3


def test_the_schema_that_editors_read_is_the_one_that_checks() -> None:
    assert schema.PATH.read_text(encoding="utf-8") == schema.text()
    for path in (ROOT / "loadtests" / "scenarios").glob("*.yaml"):
        assert re.match(r"# yaml-language-server: \$schema=scenario.schema.json\n", path.read_text()), path
