from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from plugins.commands.context import Loaded
from plugins.commands.explain import client_headers
from plugins.config import deployments, files
from plugins.front.headers import answer_headers
from plugins.front.lane import choose
from plugins.policy.access import MASTER_CLIENT
from plugins.policy.engine import Ask, decide
from plugins.telemetry.record import Record
from tests.commands.running import DAY, waferline, within
from tests.config.worlds import ROOT, World

AS_IF = "variables not set here are taken as set; --environment uses the real ones"


def test_a_retired_model_is_explained_with_its_date_and_successor() -> None:
    said = waferline("explain", "--model", "llama-3.3-70b", "--at", DAY)

    assert "outcome  refused 404 model_retired  (lifecycle.retired)" in said.out
    assert "'llama-3.3-70b' was retired by Cerebras on 2026-02-16" in said.out
    assert "cure     use 'gpt-oss-120b' instead" in said.out
    assert said.status == 1


def test_a_workload_is_explained_to_the_last_setting(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.change("routing", "models: [swift, steady]", "models: [swift, steady]\n    parameters: {temperature: 0}")

    said = within(world, "explain", "--model", "talk", "--at", DAY)

    assert said.lines == [
        "talk, streaming, asked by master on 2026-11-20",
        "",
        "  policy     about   verdict  rule                reason",
        "  access     master  allow    access.models       'master' may use 'talk'",
        "  lifecycle  swift   allow    lifecycle.live      'swift' is live",
        "  lifecycle  steady  allow    lifecycle.live      'steady' is live",
        "  streaming  talk    allow    streaming.streamed  the client streams",
        "",
        "  outcome    served by swift, then steady",
        "  targets    1. a  cerebras  swift",
        "             2. b  openai    swift",
        "             3. c  cerebras  steady",
        "             4. d  openai    steady",
        "  lane       express  (every target can be called directly)",
        "  stream     as asked",
        "  merge      10 ms",
        "  commit     at the first token",
        "  deadlines  connect 2 s, first token 5 s, stall 5 s, total 300 s, request 600 s",
        "  pace       5 tokens/s at least, over the first 5 s",
        "  hedge      off",
        "  attempts   at most 3; a target is skipped while its circuit is open, see `waferline circuit list`",
        "  workload   talk, where the client says nothing: temperature: 0.0",
        "  headers    x-waferline-model-asked: talk",
        "             x-waferline-lane: express",
        "",
        AS_IF,
    ]
    assert said.status == 0


def test_what_a_workload_asks_of_its_attempts_is_explained(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.change(
        "routing",
        "models: [swift, steady]",
        "models: [swift, steady]\n    hedge_after_seconds: 0.5\n    commit: {atomic: short, hold_ms: 20}\n"
        "    deadlines: {minimum_tokens_per_s: 0, request_seconds: 30}",
    )

    said = within(world, "explain", "--model", "talk", "--at", DAY)

    assert (
        "  commit     when the answer is whole, or after 30 s, where max_completion_tokens is 512 or less;"
        " otherwise 20 ms after the first token"
    ) in said.lines
    assert "  deadlines  connect 2 s, first token 5 s, stall 5 s, total 300 s, request 30 s" in said.lines
    assert "  pace       any" in said.lines
    assert "  hedge      the next target starts as well when the first token is later than 0.5 s" in said.lines

    told = within(world, "explain", "--model", "talk", "--at", DAY, "--json").json
    assert (told["hedge_after_seconds"], told["commit"]["atomic"], told["deadlines"]["request_seconds"]) == (
        0.5,
        "short",
        30,
    )


def test_the_real_environment_shows_what_is_not_configured(tmp_path: Path) -> None:
    environment = {"CEREBRAS_API_KEY": "k"}

    said = within(World(tmp_path), "explain", "--model", "swift", "--environment", environment=environment)

    assert "  targets    1. a  cerebras  swift" in said.lines
    assert "             -  b  openai    swift  not configured: set OTHER" in said.lines
    assert AS_IF not in said.lines
    assert said.status == 0


def test_without_any_variable_nothing_would_be_served(tmp_path: Path) -> None:
    said = within(World(tmp_path), "explain", "--model", "swift", "--environment")

    assert "not configured: set CEREBRAS_API_KEY" in said.out
    assert said.status == 1


def test_no_word_about_variables_where_all_are_set(tmp_path: Path) -> None:
    environment = {"CEREBRAS_API_KEY": "k", "OTHER": "http://localhost"}

    assert AS_IF not in within(World(tmp_path), "explain", "--model", "swift", environment=environment).out


def test_who_does_not_stream_where_it_is_required_is_refused(tmp_path: Path) -> None:
    said = within(World(tmp_path), "explain", "--model", "talk", "--no-stream")

    assert "  outcome  refused 400 streaming_required  (streaming.workloads.talk)" in said.lines
    assert said.status == 1


def test_an_upgrade_says_what_it_means(tmp_path: Path) -> None:
    said = within(World(tmp_path), "explain", "--model", "swift", "--no-stream")

    assert "  stream     upgrade: the provider streams, the client gets ordinary JSON" in said.lines
    assert "  commit     when the answer is whole, as the client does not stream" in said.lines


def test_a_client_is_explained_by_its_row(tmp_path: Path) -> None:
    said = within(World(tmp_path), "explain", "--model", "steady", "--client", "app")

    assert "  outcome  refused 403 model_not_allowed  (access.models)" in said.lines
    assert "'app' may not use 'steady'" in said.out


def test_an_exception_shows_its_reason_and_the_headers_it_brings(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.change("access", "[talk, swift]", "['*']")
    world.change("litellm", "model_name: steady", "model_name: elder")
    world.change("litellm", "/steady", "/elder")

    said = within(world, "explain", "--model", "elder", "--client", "app", "--at", DAY)

    assert "but 'app' may use it until 2027-01-31 (moving to swift)" in said.out
    assert "Sunset: Sun, 01 Feb 2026 00:00:00 GMT" in said.out


def test_an_unknown_client_is_an_error_that_names_the_known(tmp_path: Path) -> None:
    near = within(World(tmp_path), "explain", "--model", "talk", "--client", "ap")
    far = within(World(tmp_path), "explain", "--model", "talk", "--client", "somebody")

    assert near.err == "waferline: 'ap' is not a client; did you mean 'app'?\n"
    assert far.err == "waferline: 'somebody' is not a client; known: app, master\n"
    assert (near.status, far.status) == (2, 2)


def test_policies_that_are_not_valid_explain_nothing(tmp_path: Path) -> None:
    said = within(World(tmp_path, flaw="misspelt-choice"), "explain", "--model", "talk")

    assert said.err.splitlines()[0] == "waferline: 1 problem to mend first, see `waferline check`"
    assert "lifecycle.yaml:2 retired: must be" in said.err
    assert (said.out, said.status) == ("", 2)


def test_loggers_leave_the_lane_open_and_are_told_afterwards(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.change("litellm", "callbacks:", "success_callback: [langfuse]\n  failure_callback: [sentry]\n  callbacks:")

    said = within(world, "explain", "--model", "talk", "--at", DAY)

    assert "  lane       express  (every target can be called directly)" in said.lines
    assert "  loggers    langfuse, sentry  (told when the answer has ended)" in said.lines


def test_a_callback_that_acts_takes_the_litellm_lane_and_is_named(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.change("litellm", "callbacks: [plugins.callbacks.gate]", "callbacks: [plugins.callbacks.gate, ours.guard]")

    said = within(world, "explain", "--model", "talk", "--at", DAY, "--json")

    assert said.json["lane"] == {
        "name": "litellm",
        "why": "LiteLLM has more to do here (litellm_settings.callbacks: ours.guard)",
    }
    assert said.json["loggers"] == []


def test_a_logger_of_the_operators_is_known_by_its_source_and_not_run(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.change(
        "litellm", "callbacks: [plugins.callbacks.gate]", "callbacks: [plugins.callbacks.gate, listener.listener]"
    )
    (tmp_path / "listener.py").write_text((ROOT / "tests" / "support" / "listener.py").read_text())

    said = within(world, "explain", "--model", "talk", "--at", DAY, "--json")

    assert (said.json["lane"]["name"], said.json["loggers"]) == ("express", ["listener.listener"])


def test_json_holds_the_whole_decision(tmp_path: Path) -> None:
    said = within(World(tmp_path), "explain", "--model", "elder", "--json", "--at", DAY)

    assert said.json["refusal"] == {
        "status": 404,
        "code": "model_retired",
        "rule": "lifecycle.retired",
        "reason": "'elder' was retired by Cerebras on 2026-02-01",
        "cure": "use 'swift' instead",
        "successor": "swift",
    }
    assert said.json["targets"] == []
    assert said.json["taken_as_set"] == ["CEREBRAS_API_KEY", "OTHER"]
    assert said.status == 1


@pytest.mark.parametrize("model", ["voice", "gpt-oss-120b", "llama-3.3-70b"])
def test_the_headers_are_those_the_front_sends(model: str) -> None:
    policies = files.load(ROOT / "policies").policies
    document, _ = deployments.load(ROOT / "litellm_config.yaml")
    environment = {"CEREBRAS_API_KEY": "k", "FALLBACK_API_BASE": "http://localhost"}
    assert policies
    loaded = Loaded.of(policies, document, environment, ROOT / "litellm_config.yaml")
    decision = decide(policies, loaded.deployed, Ask(model, True, MASTER_CLIENT, date(2026, 11, 20)))
    record = Record("some-id", 0.0, policies, "/v1/chat/completions", decision=decision)
    if decision.refusal is None:
        record.lane, _ = choose(decision, loaded.direct, loaded.only_litellm)

    sent = dict(answer_headers(record))

    told = {name.lower().encode(): value.encode() for name, value in client_headers(decision, loaded).items()}
    assert sent == {b"x-request-id": b"some-id", **told}
