"""However a load test ends, nothing of what it started is left."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from loadtests.bench.usage import tree
from loadtests.exits import Exit
from tests.scripts.stage import alive
from tests.support.processes import ROOT, Running, clean_environment, eventually, started

LONG = "{purpose: A test., must_prove: false, asks: [{model: chat}], stages: [{name: all, seconds: 60, users: 4}]}"


def ended(running: Running, once: Sequence[str], by: signal.Signals) -> tuple[int, list[int]]:
    """Its exit code and what outlived it, when it was ended once processes with these words in their commands ran."""
    pid = running.process.pid
    eventually(lambda: all(any(word in said for said in commands(pid)) for word in once), 30, f"{once} start")
    family = tree(pid)
    try:
        running.process.send_signal(by)
        code = running.process.wait(20)
        if by is signal.SIGKILL:
            eventually(lambda: not alive(family), what="the end of all that it started")
        return code, alive(family)
    finally:
        for each in family:
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)


def commands(pid: int) -> list[str]:
    found = []
    for each in tree(pid)[1:]:
        with suppress(OSError):
            found.append(Path(f"/proc/{each}/cmdline").read_text().replace("\0", " "))
    return [said for said in found if "tether.py" not in said]  # it is not yet what it is to become


@pytest.mark.parametrize(
    ("by", "code"),
    [
        (signal.SIGKILL, -signal.SIGKILL),
        (signal.SIGINT, Exit.INTERRUPTED),
        (signal.SIGTERM, Exit.INTERRUPTED),
        (signal.SIGHUP, Exit.INTERRUPTED),
    ],
)
def test_a_measurement_of_accuracy_leaves_nothing(tmp_path: Path, by: signal.Signals, code: int) -> None:
    command = [sys.executable, "-m", "loadtests", "accuracy", "--seconds", "60", "--streams", "2"]
    with started(command, tmp_path / "log", clean_environment(PYTHONPATH=str(ROOT)), tmp_path) as running:
        assert (code, []) == ended(running, ["simulator", "locust"], by)


def test_a_run_that_is_killed_takes_providers_and_gateway_along(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(LONG)
    command = [sys.executable, "-m", "loadtests", "run", str(tmp_path / "own.yaml"), "--out", str(tmp_path)]
    with started(command, tmp_path / "log", clean_environment(PYTHONPATH=str(ROOT)), tmp_path) as running:
        wanted = ["--persona cerebras", "--persona openai", "litellm_config.yaml"]
        assert ended(running, wanted, signal.SIGKILL) == (-signal.SIGKILL, [])
