"""Real processes for tests: started, waited for by what they say or serve, and ended by id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent

Found = TypeVar("Found")


def eventually(look: Callable[[], Found | None], seconds: float = 10, what: str = "it") -> Found:
    """Poll until there is something to see. The only wait in these tests, and it ends as soon as it can."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        time.sleep(0.005)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines()

    def check_alive(self) -> None:
        if self.process.poll() is not None:
            tail = "\n".join(self.lines()[-20:])
            raise AssertionError(f"the process ended with {self.process.returncode}:\n{tail}")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)


def clean_environment(**more: str) -> dict[str, str]:
    """The machine's environment without anything that would configure the product."""
    ours = ("CEREBRAS_", "FALLBACK_", "LITELLM_", "WAFERLINE_", "REDIS_", "OPENAI_", "PORT", "HOST")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "PYTHONUNBUFFERED": "1", **more}


@contextmanager
def started(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> Iterator[Running]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment, cwd=cwd)
    running = Running(process, log)
    try:
        yield running
    finally:
        running.stop()


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except HTTPError:
        return False
    except (URLError, OSError):
        return False
