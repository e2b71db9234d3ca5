"""Whatever is tied to its starter ends with it, and with its own first process, workers and all."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.tether import tethered
from tests.scripts.stage import alive
from tests.support.processes import ROOT, eventually

# It starts one worker that hears no SIGTERM, says both numbers, and waits.
SERVER = """\
trap '' TERM
sleep 600 & worker=$!
trap - TERM
echo $$ $worker
wait
"""
STARTER = f"""\
import subprocess, sys
sys.path.insert(0, {str(ROOT)!r})
from scripts.tether import tethered
subprocess.Popen(tethered(["sh", "-c", sys.argv[1]]), start_new_session=True).wait()
"""


@pytest.fixture
def starter() -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-c", STARTER, SERVER]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        yield process
        process.kill()


def said(starter: "subprocess.Popen[bytes]") -> list[int]:
    assert starter.stdout is not None
    return [int(number) for number in starter.stdout.readline().split()]


@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_when_the_starter_ends_so_does_all_that_it_started(
    starter: "subprocess.Popen[bytes]", ended_by: signal.Signals
) -> None:
    started = said(starter)
    starter.send_signal(ended_by)

    eventually(lambda: not alive(started), what="the end of the server and its worker")


def test_a_server_that_takes_its_time_to_end_is_still_tied() -> None:
    """Asked by a signal to all of its session."""
    command = [sys.executable, "-c", STARTER, "trap '' TERM; sleep 600 & echo $$ $!; wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as starter:
        server, worker = said(starter)
        os.killpg(server, signal.SIGTERM)
        starter.kill()

        eventually(lambda: not alive([server, worker]), what="the end of the server and its worker")


def test_when_a_server_is_killed_its_workers_end_too(starter: "subprocess.Popen[bytes]") -> None:
    server, worker = said(starter)
    os.kill(server, signal.SIGKILL)

    eventually(lambda: not alive([worker]), what="the end of the worker")


def test_a_command_is_what_it_would_be_without(tmp_path: Path) -> None:
    """Its number, its folder, its input and output, and how it ended."""
    command = tethered(["sh", "-c", 'echo "$$ $(pwd) $(cat)"; exit 7'])
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        out, _ = process.communicate("asked", timeout=10)

    assert out == f"{process.pid} {tmp_path} asked\n"
    assert process.returncode == 7


def test_a_command_has_no_child_that_it_did_not_start() -> None:
    """One that waits for all of its children would never end, and their memory is taken for its own."""
    look = "import os; print(open(f'/proc/self/task/{os.getpid()}/children').read())"
    done = subprocess.run(tethered([sys.executable, "-c", look]), capture_output=True, check=False, timeout=10)

    assert (done.returncode, done.stdout.split()) == (0, [])


def test_a_command_that_is_not_there_is_named() -> None:
    done = subprocess.run(tethered(["/nowhere/tool"]), capture_output=True, text=True, check=False, timeout=10)

    assert (done.returncode, done.stderr) == (127, "'/nowhere/tool' cannot be run (No such file or directory)\n")
