"""The Locust processes, seen from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from loadtests.bench.processes import ROOT, last_lines, started
from loadtests.exits import Exit
from loadtests.plan.job import VARIABLE, Job

FIRST_IN_LINE = -10  # a session of its own, of which the nice value of a process says nothing to others


class GeneratorError(Exception):
    """One sentence for the terminal."""


class Generator:
    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log
        self._is_stopped = False

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def stop(self, seconds: float) -> None:
        """Whoever is asking may hear the end of their answers, for so long."""
        if self.is_running:
            self._is_stopped = True
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def check(self) -> None:
        """A generator that ended in another way than by its end, or because we wanted it, has measured nothing."""
        if not self._is_stopped and self._process.poll() != 0:
            raise GeneratorError(f"the generator ended with {self._process.returncode}:\n{last_lines(self._log)}")


@contextmanager
def generator(job: Job, folder: Path, environment: Mapping[str, str]) -> Iterator[Generator]:
    path = folder / "job.part"
    path.write_bytes(job.model_dump_json().encode())
    processes = job.scenario.generator.processes
    command = [
        sys.executable, "-m", "locust", "-f", str(ROOT / "loadtests" / "locustfile.py"),
        "--headless", "--only-summary", "--loglevel", "WARNING", "--exit-code-on-error", str(int(Exit.HELD)),
        "--stop-timeout", str(round(job.scenario.patience.total_seconds)), "--host", job.target.url,
        *(["--processes", str(processes), "--master-bind-host", "127.0.0.1"] if processes > 1 else []),
    ]  # fmt: skip
    log = folder / "generator.log"
    told = {**os.environ, **environment, VARIABLE: str(path), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with started(command, log, environment=told, directory=folder) as process:
        with suppress(OSError):  # not everybody may, and not every kernel groups by session
            Path(f"/proc/{process.pid}/autogroup").write_text(str(FIRST_IN_LINE))
        yield Generator(process, log)
