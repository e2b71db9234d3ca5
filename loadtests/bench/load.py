"""The load client seen from the bench: a job goes in, the clock starts on our word, a result comes out."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from loadtests.bench.client import Job, Result
from loadtests.bench.processes import LOOPBACK, BenchError, pin, started

MODEL = "gpt-oss-120b"


class Load:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def measure(self, job: Job, start: Callable[[], None]) -> Result | str:
        """`start` is called when everything is warm, right before the clock starts. Or why nothing came of it."""
        self._tell(orjson.dumps(asdict(job)))
        warm = self._hear()
        if "error" in warm:
            return str(warm["error"])
        start()
        self._tell(b"go")
        said = self._hear()
        return str(said["error"]) if "error" in said else Result(**said)

    def _tell(self, line: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101  it is a pipe
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101  it is a pipe
        line = self._process.stdout.readline()
        if not line:
            raise BenchError("the load client ended")
        found: dict[str, Any] = orjson.loads(line)
        return found


@contextmanager
def load_client(logs: Path, cpus: Collection[int]) -> Iterator[Load]:
    command = [sys.executable, "-m", "loadtests.bench.client"]
    pipe = subprocess.PIPE
    with started(command, logs / "client.log", stdin=pipe, stdout=pipe) as process:
        pin(process.pid, cpus)
        yield Load(process)


def request(port: int, key: str, tokens: int) -> str:
    """One streamed chat completion, as it goes over the wire."""
    body = orjson.dumps(
        {
            "model": MODEL,
            "messages": [{"role": "user", "content": "Describe a river, from its spring to the sea."}],
            "max_completion_tokens": tokens,
            "reasoning_effort": "low",
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ).decode()
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: {LOOPBACK}:{port}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\naccept: text/event-stream\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    )
