"""Real Locust processes against simulated providers: what they leave behind, and what their end means."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from loadtests.__main__ import main
from loadtests.exits import Exit
from loadtests.record import folder
from loadtests.record.folder import Run
from loadtests.record.sample import MarkKind, Outcome
from tests.support.processes import BIN, ROOT, Running, clean_environment, eventually, free_port, started
from tests.support.provider import Provider, provider

PATIENCE_SECONDS = 180
FAST = "--first-token 0.02 --pace 10000 --tokens 60 --text numbered".split()
SCENARIO = """
purpose: A test.
asks: [{model: gpt-oss-120b, max_tokens: 60}]
must_prove: false
"""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with provider("cerebras", tmp_path_factory.mktemp("provider"), *FAST) as running:
        yield running


def load(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    told = clean_environment(OPENAI_API_KEY="simulated", PYTHONPATH=str(ROOT), **environment)
    command = [sys.executable, "-m", "loadtests", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=directory, env=told, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            out, err = process.communicate(timeout=PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()  # and it ends whatever it has started
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def scenario(directory: Path, rest: str) -> str:
    path = directory / "own.yaml"
    path.write_text(SCENARIO + rest)
    return str(path)


def the_run(directory: Path) -> Run:
    (found,) = directory.glob("2*")
    return folder.read(found)


def test_several_processes_make_one_run_of_which_every_request_is_accounted_for(
    tmp_path: Path, simulated: Provider
) -> None:
    simulated.reset()
    own = scenario(
        tmp_path,
        "arrival: constant\n"
        "stages: [{name: all, seconds: 2, rate: 40, ramp_seconds: 0.5}]\n"
        "generator: {processes: 2}\n",
    )
    done = load(tmp_path, "run", own, "--target", simulated.base, "--out", str(tmp_path))
    run = the_run(tmp_path)

    assert done.returncode in (Exit.HELD, Exit.VOID), done.stderr  # a busy machine may make it void, never missed
    assert Counter(sample.outcome for sample in run.samples) == {Outcome.WHOLE: len(run.samples)}
    assert 60 <= len(run.samples) <= 72  # 70 are due
    assert len(simulated.chats()) == len(run.samples)
    assert {sample.numbers_hold for sample in run.samples} == {True}
    assert len(run.info["generator"]["each"]) == 2
    assert all(0 <= sample.intended < 2 for sample in run.samples)  # on one clock
    assert [sample.intended for sample in run.samples] == sorted(sample.intended for sample in run.samples)
    assert not list(tmp_path.glob("2*/*.part"))


def test_an_interrupted_run_keeps_what_there_is(tmp_path: Path, simulated: Provider) -> None:
    own = scenario(tmp_path, "stages: [{name: all, seconds: 60, users: 4}]\n")
    environment = clean_environment(OPENAI_API_KEY="simulated", PYTHONPATH=str(ROOT))
    command = [sys.executable, "-m", "loadtests", "run", own, "--target", simulated.base, "--out", str(tmp_path)]
    with started(command, tmp_path / "load.log", environment, tmp_path) as running:
        eventually(
            lambda: any(path.stat().st_size for path in tmp_path.glob("2*/samples-*.part")), 20, "the first samples"
        )
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(20) == Exit.INTERRUPTED
    run = the_run(tmp_path)

    assert run.info["interrupted"] is True
    assert run.info["seconds"] < 30
    assert Counter(sample.outcome for sample in run.samples)[Outcome.WHOLE] > 0


def test_a_run_that_would_go_beyond_its_bound_is_stopped_at_it(tmp_path: Path, simulated: Provider) -> None:
    """Answers come faster than anybody planned for."""
    simulated.reset()
    own = scenario(tmp_path, "stages: [{name: all, seconds: 2, users: 4}]\nbounds: {max_requests: 40}\n")
    load(tmp_path, "run", own, "--target", simulated.base, "--out", str(tmp_path))

    assert len(simulated.chats()) == len(the_run(tmp_path).samples) == 40


def test_own_prompts_and_a_conversation_are_what_is_sent(tmp_path: Path, simulated: Provider) -> None:
    simulated.reset()
    turns = [("human", "first"), ("gpt", "aha"), ("human", "second")]
    rows = [{"prompt": "one"}, {"conversations": [{"from": who, "value": text} for who, text in turns]}]
    (tmp_path / "own.jsonl").write_text("\n".join(map(json.dumps, rows)))
    own = scenario(tmp_path, "stages: [{name: all, seconds: 1, users: 1}]\n")
    load(
        tmp_path,
        "run",
        own,
        "--target",
        simulated.base,
        "--out",
        str(tmp_path),
        "--prompts",
        str(tmp_path / "own.jsonl"),
    )

    sent = {tuple(each["content"] for each in chat["body"]["messages"]) for chat in simulated.chats()}
    assert sent == {("one",), ("first",), ("first", "aha", "second")}


def test_recorded_traffic_is_sent_again_in_its_rhythm(tmp_path: Path, simulated: Provider) -> None:
    simulated.reset()
    rows = [
        {
            "event": "request.finished",
            "time": f"2026-11-20T12:00:0{at}.500+00:00",
            "total_ms": 500,
            "model_asked": "gpt-oss-120b",
            "prompt_tokens": 30,
            "completion_tokens": 10 + at,
            "stream": True,
        }
        for at in (0, 1, 2)
    ]
    (tmp_path / "gateway.log").write_text("\n".join(map(json.dumps, rows)))
    path = tmp_path / "own.yaml"
    log = tmp_path / "gateway.log"
    path.write_text(
        "purpose: Again.\n"
        "arrival: recorded\n"
        f"recorded: {{log: {log}, speed: 2}}\n"
        "stages: [{name: all, seconds: 1.5}]\n"
    )
    load(tmp_path, "run", str(path), "--target", simulated.base, "--out", str(tmp_path))
    run = the_run(tmp_path)

    assert [round(sample.intended, 3) for sample in run.samples] == [0.0, 0.5, 1.0]
    assert [sample.completion_tokens for sample in run.samples] == [10, 11, 12]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "smok"], "did you mean 'smoke'?"),
        (["run", "smoke", "--target", "https://gateway.example/v1"], "add --i-mean-it gateway.example"),
        (
            ["run", "smoke", "--target", "http://127.0.0.1:9/v1", "--direct", "http://a.example"],
            "--i-mean-it a.example",
        ),
        (["run", "failover", "--target", "http://127.0.0.1:9/v1"], "faults are injected into simulated providers"),
        (["run", "steady", "--seconds", "10000", "--users", "500"], "raise the bound"),
        (["run", "arrivals", "--users", "5"], "use --rate"),
        (["run", "smoke", "--seconds", "-1"], "stages[0].seconds"),
        (["run", "smoke", "--target", "http://127.0.0.1:9/v1"], "http://127.0.0.1:9/v1 cannot be reached"),
        (["nonsense"], "invalid choice"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main([*arguments, "--out", str(tmp_path)]) == Exit.SET_UP

    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slo = tmp_path / "slo.yaml"
    slo.write_text("confidense: 2\n")
    wrong = ["run", "smok", "--target", "ftp://a", "--slo", str(slo)]

    assert main(wrong) == Exit.SET_UP

    said = capsys.readouterr().err
    assert [each for each in ("did you mean 'smoke'", "is not an address", "confidense") if each not in said] == []


def test_a_key_that_is_not_accepted_is_told_before_anything_is_sent(
    tmp_path: Path, simulated: Provider, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated.reset()
    monkeypatch.setenv("LITELLM_MASTER_KEY", "")
    monkeypatch.setenv("OPENAI_API_KEY", "")

    assert main(["run", "smoke", "--target", simulated.base, "--out", str(tmp_path)]) == Exit.SET_UP

    assert "says 401, it wants a key: export the right one" in capsys.readouterr().err
    assert (simulated.chats(), list(tmp_path.iterdir())) == ([], [])


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(
    tmp_path: Path, simulated: Provider, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulated.reset()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody")
    status = main(["run", "mix", "--target", simulated.base, "--dry-run", "--out", str(tmp_path)])
    shown = capsys.readouterr().out

    assert status == Exit.HELD
    assert "POST /v1/chat/completions HTTP/1.1" in shown
    assert "sk-of-somebody" not in shown
    assert (simulated.chats(), list(tmp_path.iterdir())) == ([], [])


def test_faults_come_and_go_at_the_providers_and_the_gateway_s_circuit_is_seen_to_follow(tmp_path: Path) -> None:
    """Everything is started for it: two providers, the gateway, the generator."""
    own = scenario(
        tmp_path,
        "arrival: constant\n"
        "stages: [{name: all, seconds: 4, rate: 30, ramp_seconds: 0.5}]\n"
        "compare: {ways: [direct, sdk], every: 4}\n"
        'faults: [{at: 2, seconds: 1.5, knobs: {fault: "503"}}]\n'
        "simulator: {first_token: 0.02, tokens: 60, text: numbered}\n",
    )
    done = load(tmp_path, "run", own, "--model", "chat", "--out", str(tmp_path))
    run = the_run(tmp_path)

    assert done.returncode in (Exit.HELD, Exit.MISSED, Exit.VOID), done.stderr
    target = [sample for sample in run.samples if sample.way == "target"]
    assert {sample.outcome for sample in target} == {Outcome.WHOLE}  # the gateway's business
    assert {sample.target for sample in target} == {"cerebras/gpt-oss-120b", "fallback/gpt-oss-120b"}
    assert {sample.way for sample in run.samples} == {"target", "direct", "sdk"}
    direct = Counter(
        sample.outcome for sample in run.samples if sample.way == "direct" and not 2 <= sample.intended < 4
    )
    assert set(direct) == {Outcome.WHOLE}
    (fault,) = [mark for mark in run.marks if mark.kind is MarkKind.FAULT]
    assert (fault.what, fault.target) == ("503", "cerebras")
    assert any(mark.kind is MarkKind.CIRCUIT and mark.what == "open" for mark in run.marks)
    (outage,) = json.loads(next(tmp_path.glob("2*/verdict.json")).read_text())["faults"]
    assert (outage["lost"], outage["tripped_after"] is not None) == (0, True)
    assert run.info["target"]["is_simulated"]


def test_the_generator_finds_every_answer_as_the_provider_has_sent_it(tmp_path: Path) -> None:
    done = load(tmp_path, "accuracy", "--streams", "8", "--seconds", "1.5", "--tokens", "200", "--json")
    found = json.loads(done.stdout)

    assert done.returncode in (Exit.HELD, Exit.VOID)
    assert (found["missing"], found["answers"] > 16) == (0, True)
    assert found["tokens_per_s"] > 1000


def test_other_tools_stand_beside_the_generator_in_one_table(tmp_path: Path) -> None:
    """A stand-in speaks and reports as GuideLLM does; what is named as AIPerf fails, and that is a row too."""
    commands = {
        "guidellm": f'exec {sys.executable} {ROOT}/tests/loadtests/beside/stand_in.py "$@"',
        "aiperf": "echo no tokenizer here; exit 7",
    }
    for name, line in commands.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    flags = [part for name in commands for part in ("--beside", f"{name}={tmp_path / name}")]
    done = load(tmp_path, "accuracy", "--streams", "4", "--seconds", "0.5", "--tokens", "100", *flags)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines() if "|" in line]
    _, _, ours, tool, failed = rows

    assert done.returncode in (Exit.HELD, Exit.VOID), done.stderr
    assert ours[0] == "Waferline"
    assert tool[:2] == ["GuideLLM 0.0.1", "40"]  # all that it counts is in the provider's ledger, and nothing else
    assert float(tool[2]) > 170
    assert float(tool[8]) > 0
    assert failed[:2] == ["aiperf", "ended with 7: no tokenizer here"]


@pytest.mark.parametrize("text", ["vllm=/bin/true", "guidellm", "guidellm="])
def test_what_may_stand_beside_is_named_before_anything_is_sent(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accuracy", "--beside", text]) == Exit.SET_UP
    assert f"{text!r} is not TOOL=COMMAND, with guidellm or aiperf as the tool" in capsys.readouterr().err


def test_plain_locust_shows_first_tokens_rates_and_gaps_in_its_own_statistics(
    tmp_path: Path, simulated: Provider
) -> None:
    command = [str(BIN / "locust"), "-f", str(ROOT / "loadtests" / "locustfile.py"), "--host", simulated.base]
    more = "--headless -u 4 -r 4 -t 4 --json --loglevel ERROR --model gpt-oss-120b --max-tokens 60".split()
    told = {**clean_environment(OPENAI_API_KEY="simulated"), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [*command, *more], cwd=tmp_path, env=told, capture_output=True, text=True, timeout=60, check=False
    )
    rows = {row["method"]: row for row in json.loads(done.stdout)}

    assert done.returncode == 0, done.stderr
    assert rows.keys() == {"first token, ms", "all of it, ms", "tokens/s", "longest gap, ms"}
    assert {row["name"] for row in rows.values()} == {"gpt-oss-120b"}
    assert rows["first token, ms"]["num_requests"] == rows["all of it, ms"]["num_requests"] > 0
    assert rows["first token, ms"]["num_failures"] == 0


def test_workers_share_an_open_loop_between_them_however_many_come_and_whenever(
    tmp_path: Path, simulated: Provider
) -> None:
    """No --expect-workers: the second one comes when the first is at work, and takes half of it over."""
    simulated.reset()
    own = scenario(tmp_path, "arrival: constant\nstages: [{name: all, seconds: 4, rate: 50}]\n")
    port = str(free_port())
    command = [str(BIN / "locust"), "-f", str(ROOT / "loadtests" / "locustfile.py"), "--host", simulated.base]
    command += ["--scenario", own, "--loglevel", "WARNING", "--stop-timeout", "5"]
    told = clean_environment(OPENAI_API_KEY="simulated")

    def senders() -> set[str]:
        return {chat["headers"]["x-request-id"].rpartition("-")[0] for chat in simulated.chats()}

    with ExitStack() as stack:

        def process(name: str, *more: str) -> Running:
            return stack.enter_context(started([*command, *more], tmp_path / f"{name}.log", told, tmp_path))

        master = process(
            "master", "--master", "--headless", "--master-bind-host", "127.0.0.1", "--master-bind-port", port
        )
        process("first", "--worker", "--master-port", port)
        eventually(senders, 20, "the first worker's requests")
        process("second", "--worker", "--master-port", port)
        assert master.process.wait(30) == Exit.HELD, master.lines()

    assert len(senders()) == 2
    # 200 are due; each for itself they would send 350. Locust takes a second or two to let the second one begin.
    assert 120 <= len(simulated.chats()) <= 220


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--host https://a.example/v1", "add --i-mean-it a.example"),
        ("--scenario spke", "did you mean 'spike'?"),
        (
            "--prompts nowhere.jsonl",
            "--prompts: 'nowhere.jsonl' cannot be read (No such file or directory), name another",
        ),
        ("--max-tokens many", "--max-tokens: must be a whole number above 0 (was 'many')"),
    ],
)
def test_plain_locust_says_what_is_wrong_before_it_loads_anybody(tmp_path: Path, options: str, said: str) -> None:
    command = [str(BIN / "locust"), "-f", str(ROOT / "loadtests" / "locustfile.py"), "--headless", "-t", "1"]
    done = subprocess.run(
        [*command, *options.split()],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (Exit.SET_UP, True, False)
