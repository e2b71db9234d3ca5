"""The process: how it starts, what it says, and how it stops."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulator.asking import plain
from tests.simulator.processes import ROOT, running
from tests.simulator.raw import get, post


def told(*flags: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "simulator", *flags]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=10)
    return ended.returncode, ended.stderr or ended.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_one_line_and_ends_at_once_on_a_signal_though_an_answer_is_in_flight(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "simulator", "--persona", "openai", "--first-token", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        line = process.stdout.readline()
        port = int(line.rpartition(":")[2])
        post(port, plain(), silence=0.05)
        process.send_signal(number)
        assert process.wait(2) == 0
        assert process.stdout.read() == process.stderr.read() == ""

    assert re.fullmatch(r"simulator \(openai\) listening on http://127\.0\.0\.1:\d+\n", line)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--fault", "cutt"], "simulator: flags: fault must be one of cut, chatter (was 'cutt')\n"),
        (["--pace", "0"], "simulator: flags: pace input should be greater than 0 (was '0')\n"),
        (["--colour", "red"], "simulator: unrecognized arguments: --colour red, see --help\n"),
        (["--knobs", "/nowhere.yaml"], "simulator: --knobs: cannot read '/nowhere.yaml'"),
    ],
)
def test_a_wrong_flag_is_one_sentence_and_exit_2(flags: list[str], sentence: str) -> None:
    code, said = told(*flags)

    assert code == 2
    assert said.startswith(sentence)
    assert said.count("\n") == 1


def test_a_taken_port_is_one_sentence_and_exit_2() -> None:
    with running("openai") as other:
        code, said = told("--port", str(other.port))

    assert code == 2
    assert said.endswith("choose another --port\n")


def test_flags_win_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    file = tmp_path / "slow.yaml"
    file.write_text("pace: 50\ntokens: 7\nmodels: [a, b]\n", encoding="utf-8")
    with running("cerebras", knobs=file, pace=99) as provider:
        knobs = get(provider.port, "/simulator/knobs").json

    assert (knobs["pace"], knobs["tokens"], knobs["models"], knobs["first_token"]) == (99, 7, ["a", "b"], 0.17)


def test_help_names_every_knob_with_its_default() -> None:
    code, said = told("--help")

    assert code == 0
    assert "--first-token" in said
    assert "--limit-retry-after" in said
    assert "ASSUMPTION" in said


def test_it_runs_without_uvloop() -> None:
    code = "import sys; sys.modules['uvloop'] = None; from simulator.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "--tokens=5", "--first-token=0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2])
        healthy = post(port, plain())
        broken = post(port, plain(), "x-simulator: fault=reset\r\n")
        process.terminate()

    assert (healthy.status, broken.end) == (200, "reset")


def test_it_imports_nothing_of_the_gateway() -> None:
    found = [
        path.name
        for path in (ROOT / "simulator").glob("*.py")
        if re.search(r"^\s*(from|import) plugins", path.read_text(), re.MULTILINE)
    ]

    assert found == []
