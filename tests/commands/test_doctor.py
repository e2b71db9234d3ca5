"""`waferline doctor` against simulated providers and a stand-in gateway, each in a way that something can be wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from plugins.commands import surroundings
from plugins.commands.examined import Examined, State
from plugins.commands.serving import told
from tests.commands.running import Said, waferline
from tests.config.worlds import World
from tests.support.processes import ROOT, free_port
from tests.support.provider import Provider, provider

TARGET = "cerebras/gpt-oss-120b"
MASTER = "sk-0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def cerebras_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    flags = ("--first-token", "0.01", "--today", "2026-11-20")
    with provider("cerebras", tmp_path_factory.mktemp("doctor"), *flags) as running:
        yield running


@pytest.fixture
def cerebras(cerebras_process: Provider) -> Provider:
    cerebras_process.reset()
    return cerebras_process


def doctor(environment: Mapping[str, str], *arguments: str) -> Said:
    nobody = {"PORT": str(free_port())}  # no gateway runs there
    return waferline("doctor", *arguments, environment={**nobody, "LITELLM_MASTER_KEY": MASTER, **environment})


def examine(cerebras: Provider, *arguments: str, samples: int = 1) -> Said:
    environment = {"CEREBRAS_API_BASE": cerebras.base, "CEREBRAS_API_KEY": "csk-simulated"}
    return doctor(environment, "--target", TARGET, "--samples", str(samples), *arguments)


def found(said: Said, about: str = TARGET) -> dict[str, dict[str, Any]]:
    return {each["what"]: each for each in said.json["examined"] if each["about"] == about}


def test_a_fast_target_is_well_and_its_figures_are_there(cerebras: Provider) -> None:
    said = examine(cerebras, "--json")
    lines = found(said)

    assert list(lines) == ["address", "connection", "warming", "first token", "tokens/s"]
    assert {name: each["state"] for name, each in lines.items()} == {
        "address": "ok",
        "connection": "ok",
        "warming": "ok",
        "first token": "note",  # nobody published one for this model
        "tokens/s": "ok",
    }
    assert lines["address"]["said"] == f"{cerebras.base}, CEREBRAS_API_KEY is set"
    assert lines["first token"]["figures"]["cold_ms"] >= 10
    assert lines["first token"]["figures"]["warm_ms"] >= 10
    assert lines["tokens/s"]["figures"]["reference_tokens_per_s"] == 1844


def test_it_says_what_it_spends_before_it_does_and_spends_no_more(cerebras: Provider) -> None:
    said = examine(cerebras, samples=2)

    budget = "asking 1 target 4 times each: 4 requests, at most 512 tokens of answers"
    assert said.lines.index(budget) < said.lines.index(TARGET)
    assert len(cerebras.chats()) == 4
    assert "csk-simulated" not in said.out


def test_each_answer_on_a_new_connection_is_followed_by_one_on_the_same(cerebras: Provider) -> None:
    examine(cerebras, samples=2)

    first, second, third, fourth = (each["connection"] for each in cerebras.chats())
    assert first == second != third == fourth


def test_without_completions_nothing_is_spent(cerebras: Provider) -> None:
    said = examine(cerebras, "--no-completions", "--json")

    assert list(found(said)) == ["address", "connection", "warming"]
    assert (cerebras.chats(), said.json["spends"]) == ([], None)


def test_offline_nobody_is_called(cerebras: Provider) -> None:
    said = examine(cerebras, "--offline", "--json")

    assert list(found(said)) == ["address"]
    assert cerebras.requests() == []


@pytest.mark.parametrize(
    ("knobs", "what", "state", "says", "cure"),
    [
        ({"pace": 420.0, "tokens": 40}, "tokens/s", "warn", "(published: 1,844)", "measure again"),
        ({"pace": 100.0, "tokens": 40}, "tokens/s", "bad", "(published: 1,844)", "a proxy that buffers"),
        ({"api_key": "another"}, "warming", "bad", "answered 401", "check the key"),
        ({"models": ["qwen-3.8-27b"]}, "completion", "bad", "answered 404", "check the model's id"),
        ({"rpm": 1}, "completion", "warn", "is at its rate limit", "--samples 1"),
        ({"fault": "503"}, "completion", "bad", "answered 503", "status page"),
        ({"fault": "cut"}, "completion", "bad", "broke off", "status page"),
    ],
    ids=["slow", "ten times slower", "wrong key", "unknown model", "rate limit", "failing", "cut"],
)
def test_what_is_wrong_with_a_target_is_said_with_a_cure(
    cerebras: Provider, knobs: dict[str, Any], what: str, state: str, says: str, cure: str
) -> None:
    cerebras.set(**knobs)

    said = examine(cerebras, "--json")
    line = found(said)[what]

    assert (line["state"], said.status, said.json["ok"]) == (state, int(state == "bad"), state != "bad")
    assert says in line["said"]
    assert cure in line["cure"]


def test_a_target_that_is_not_there_is_named_by_the_step_that_failed() -> None:
    environment = {"CEREBRAS_API_BASE": f"http://127.0.0.1:{free_port()}/v1", "CEREBRAS_API_KEY": "k"}

    line = found(doctor(environment, "--target", TARGET, "--json"))["connection"]

    assert (line["state"], line["said"]) == ("bad", "TCP failed, Connection refused")


@pytest.mark.parametrize(
    ("environment", "target", "state", "says"),
    [
        ({}, TARGET, "bad", "CEREBRAS_API_KEY is not set, and 'gpt-oss-120b' has no other target"),
        ({"CEREBRAS_API_KEY": "k"}, "fallback/gpt-oss-120b", "warn", "are not set"),
        ({"CEREBRAS_API_KEY": "k"}, TARGET, "ok", "https://api.cerebras.ai/v1, CEREBRAS_API_KEY is set"),
        (
            {"FALLBACK_API_BASE": "http://10.0.0.7/v1"},
            "fallback/gpt-oss-120b",
            "warn",
            "without a key (FALLBACK_API_KEY is not set): all of it travels in the clear",
        ),
    ],
)
def test_what_a_target_lacks_is_said_without_calling_it(
    environment: dict[str, str], target: str, state: str, says: str
) -> None:
    line = found(doctor(environment, "--offline", "--target", target, "--json"), target)["address"]

    assert line["state"] == state
    assert says in line["said"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ("--target", "cerebras/gpt-oss"),
            "'cerebras/gpt-oss' is not a deployment; did you mean 'cerebras/gpt-oss-120b'?",
        ),
        (("--offline", "--gateway", "localhost"), "--gateway 'localhost' is not an address"),
    ],
)
def test_a_question_that_makes_no_sense_ends_with_two(arguments: tuple[str, ...], says: str) -> None:
    said = doctor({}, *arguments)

    assert (said.status, says in said.err) == (2, True)


def test_policies_that_cannot_be_read_are_one_bad_line_and_no_target(tmp_path: Path) -> None:
    world = World(tmp_path, flaw="misspelt-choice")

    said = waferline("--policies", world.directory, "--config", world.config, "doctor", "--offline", "--json")

    (check,) = (each for each in said.json["examined"] if each["about"] == "policies")
    assert (said.status, check["state"], check["cure"]) == (1, "bad", "see `waferline check`")
    assert "retired: must be" in check["said"]


def machine(environment: Mapping[str, str] | None = None, **versions: str | None) -> dict[str, Examined]:
    there = {"litellm": "1.108.7", "httptools": "1", "uvloop": "1", "opentelemetry_api": "1", "opentelemetry_sdk": "1"}
    have = {name.replace("_", "-"): version for name, version in {**there, **versions}.items()}
    return {each.what: each for each in surroundings.machine((3, 12), have.get, environment or {})}


@pytest.mark.parametrize(
    ("version", "state", "says"),
    [
        ("1.108.7", State.OK, "1.108.7"),
        ("1.108.9", State.WARN, "not the tested 1.108.7"),
        ("1.109.1", State.BAD, "not of the supported line"),
        ("1.82.8", State.BAD, "trojaned"),
        (None, State.BAD, "is not installed"),
    ],
)
def test_only_the_tested_litellm_is_well(version: str | None, state: State, says: str) -> None:
    line = machine(litellm=version)["LiteLLM"]

    assert line.state is state
    assert says in line.said


def test_the_version_it_wants_is_the_one_that_is_locked() -> None:
    locked = (ROOT / "requirements" / "runtime.in").read_text()

    assert f"litellm[proxy]=={surroundings.LITELLM}" in locked


@pytest.mark.parametrize(("package", "state"), [("httptools", State.BAD), ("uvloop", State.WARN)])
def test_a_missing_package_is_named_with_what_is_lost(package: str, state: State) -> None:
    line = machine(**{package: None})["packages"]

    assert (line.state, line.said.partition(":")[0]) == (state, f"{package} is missing")


def test_settings_that_matter_are_compared_with_what_make_run_sets() -> None:
    well = {"LITELLM_LOCAL_MODEL_COST_MAP": "true", "HF_HUB_OFFLINE": "1", "REPEATED_STREAMING_CHUNK_LIMIT": "200000"}

    assert machine(well)["settings"].state is State.OK
    assert "fetches a price list" in machine({**well, "LITELLM_LOCAL_MODEL_COST_MAP": ""})["settings"].said
    assert machine({**well, "DATABASE_URL": "postgres://"})["database"].state is State.WARN


STATUS: dict[str, Any] = {
    "policies": "policies",
    "version": "f00",
    "rejected": [],
    "restart_needed": False,
    "targets": [{"deployment": "a", "missing": []}],
    "telemetry_failures": 0,
    "connections": {"h": {"cold_ms": 30.0, "warm_ms": 9.0, "connections": 4, "status": 200, "error": None}},
    "startup": {
        "litellm_import_ms": 5000.0,
        "wiring_ms": 100.0,
        "total_ms": 5600.0,
        "rehearsal_ms": 500.0,
        "failed": [],
    },
}


def test_a_gateway_that_is_well_says_how_it_started_and_how_warm_it_is() -> None:
    lines = list(told(STATUS))

    assert {each.state for each in lines} == {State.OK}
    assert [each.said for each in lines] == [
        "policies, version f00",
        "5.6 s: LiteLLM's import 5.0, our own 0.1, rehearsal 0.5",
        "h: 4 kept, 9.0 ms warm, 30.0 ms cold",
    ]


@pytest.mark.parametrize(
    ("change", "what", "state", "says"),
    [
        ({"rejected": ["x:1 bad"]}, "policies", State.BAD, "1 problem kept a new set out, the first: x:1 bad"),
        ({"restart_needed": True}, "policies", State.WARN, "litellm_config.yaml changed"),
        ({"startup": {**STATUS["startup"], "failed": ["rehearsal"]}}, "start", State.WARN, "rehearsal failed; 5.6 s"),
        ({"targets": [{"deployment": "a", "missing": ["KEY"]}]}, "targets", State.WARN, "a lacks a variable"),
        (
            {"circuits": [{"target": "a", "rejects": None}, {"target": "b", "rejects": "forced_open"}]},
            "circuits",
            State.WARN,
            "not called: b (forced open)",
        ),
        ({"telemetry_failures": 2}, "telemetry", State.WARN, "2 events could not be written"),
        (
            {"connections": {"h": {"cold_ms": None, "warm_ms": None, "connections": 0, "error": "ConnectError"}}},
            "connections",
            State.BAD,
            "h: none (ConnectError)",
        ),
    ],
)
def test_what_is_wrong_with_a_gateway_is_said(change: dict[str, Any], what: str, state: State, says: str) -> None:
    lines = [each for each in told({**STATUS, **change}) if each.state is not State.OK]

    (line,) = lines
    assert (line.what, line.state, bool(line.cure)) == (what, state, True)
    assert line.said.startswith(says)


@contextmanager
def serving(answers: Mapping[str, tuple[int, Any]], keys: list[str | None]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.append(self.headers.get("authorization"))
            status, body = answers[self.path]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def ask_gateway(url: str, **environment: str) -> dict[str, dict[str, Any]]:
    said = doctor(environment, "--offline", "--gateway", url, "--json")
    return found(said, "gateway")


def test_a_running_gateway_is_asked_with_the_master_key_alone() -> None:
    keys: list[str | None] = []
    with serving({"/health/readiness": (200, {}), "/waferline/status": (200, STATUS)}, keys) as url:
        lines = ask_gateway(f"{url}/v1")

    assert [each["state"] for each in lines.values()] == ["ok"] * 4
    assert keys == [None, f"Bearer {MASTER}"]


@pytest.mark.parametrize(
    ("answers", "what", "says"),
    [
        (
            {
                "/health/readiness": (503, {"status": "starting", "waiting_for": "a rehearsal"}),
                "/waferline/status": (200, STATUS),
            },
            "readiness",
            "answered 503: a rehearsal",
        ),
        ({"/health/readiness": (200, {}), "/waferline/status": (401, {})}, "status", "answered 401"),
        ({"/health/readiness": (200, {}), "/waferline/status": (200, {"hello": 1})}, "status", "unlike Waferline"),
    ],
    ids=["starting", "another key", "another program"],
)
def test_a_gateway_that_does_not_answer_as_it_should_is_bad(
    answers: Mapping[str, tuple[int, Any]], what: str, says: str
) -> None:
    with serving(answers, []) as url:
        line = ask_gateway(url)[what]

    assert line["state"] == "bad"
    assert says in line["said"]


def test_a_gateway_that_nobody_named_need_not_be_there(cerebras: Provider) -> None:
    assert found(examine(cerebras, "--no-completions", "--json"), "gateway")["readiness"]["state"] == "note"


def test_a_gateway_that_was_named_must_be_there() -> None:
    assert ask_gateway(f"http://127.0.0.1:{free_port()}")["readiness"]["state"] == "bad"
