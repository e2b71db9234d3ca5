"""Processes that are started here, waited for by what they serve, and ended by id with whatever they started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from loadtests.bench.usage import tree
from scripts.tether import tethered

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
_OURS = ("CEREBRAS_", "FALLBACK_", "LITELLM_", "WAFERLINE_", "REDIS_", "OPENAI_", "PORT", "HOST")


class BenchError(Exception):
    """One sentence for the terminal."""


def clean_environment(**more: str) -> dict[str, str]:
    """The machine's environment without anything that would configure what is measured."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    return {**kept, "no_proxy": LOOPBACK, "NO_PROXY": LOOPBACK, "PYTHONUNBUFFERED": "1", **more}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(
    command: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    directory: Path = ROOT,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    stdout: IO[bytes] | int | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603  every command is put together in paths.py and load.py
            tethered(command),
            cwd=directory,
            env=environment or clean_environment(),
            stdin=stdin,
            stdout=out if stdout is None else stdout,
            stderr=subprocess.STDOUT if stdout is None else out,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _end(process)


def pin(pid: int, cpus: Collection[int]) -> None:
    """Every thread of a process and of its children; those that come later take after them."""
    for each in tree(pid) if cpus else ():
        with suppress(OSError):
            for task in Path(f"/proc/{each}/task").iterdir():
                with suppress(OSError):
                    os.sched_setaffinity(int(task.name), cpus)


def wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if process.poll() is not None:
            raise BenchError(f"{log.stem} ended with {process.returncode} while it started:\n{last_lines(log)}")
        if time.monotonic() > deadline:
            raise BenchError(f"{log.stem} did not answer within {seconds:.0f} s:\n{last_lines(log)}")
        time.sleep(0.05)


def posted(port: int, request: str) -> bool:
    """Whether a request, given as it goes over the wire, is answered with 200."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=10) as connection:
            connection.sendall(request.encode())
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False


def last_lines(log: Path, number: int = 8) -> str:
    return "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-number:])


def _end(process: subprocess.Popen[bytes], patience: float = 3.0) -> None:
    """All of its session: a proxy's workers must not outlive it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)
