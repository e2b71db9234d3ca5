"""One tool against a fresh provider: it works in a folder of its own, and has only so long."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from loadtests.bench.processes import clean_environment, started
from loadtests.bench.usage import cpu_seconds
from loadtests.beside import aiperf, guidellm
from loadtests.beside.reason import reason
from loadtests.beside.table import Row
from loadtests.beside.tool import BesideError, Order, Said, Tool
from loadtests.beside.usage import Reading, between
from loadtests.engine.accuracy import MODEL
from loadtests.engine.local import provider
from loadtests.engine.provider import Provider
from loadtests.engine.truth import sent_of

TOOLS: Mapping[str, Tool] = {"guidellm": guidellm, "aiperf": aiperf}
REQUESTS_PER_STREAM = 10
TOOL_SECONDS = 180.0
_LOOK_SECONDS = 0.1


def beside(
    name: str, path: str, streams: int, tokens: int, answers: Mapping[str, object], seconds: float = TOOL_SECONDS
) -> Row:
    """`answers` are the provider's knobs, the same for every tool."""
    tool = TOOLS[name]
    with TemporaryDirectory(prefix=f"waferline-{name}-") as temporary:
        folder = Path(temporary)
        work = folder / "work"
        with provider("cerebras", folder, answers) as found:
            order = Order(found.origin, MODEL, streams, streams * REQUESTS_PER_STREAM, tokens)
            try:
                _lay_out(work, tool.files(order))
                readings = _ended([path, *tool.command(order)], work, folder / f"{name}.log", seconds)
                said = _said(tool, work / tool.REPORT)
                return _row(said, found, readings)
            except BesideError as error:
                return Row(name, why=str(error))


def _lay_out(work: Path, files: Mapping[str, str]) -> None:
    for each, text in files.items():
        path = work / each
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _ended(command: Sequence[str], work: Path, log: Path, seconds: float) -> list[Reading]:
    readings = []
    deadline = time.monotonic() + seconds
    with started(command, log, environment=clean_environment(), directory=work) as process:
        while process.poll() is None:
            if time.monotonic() > deadline:
                raise BesideError(f"did not end within {seconds:g} s")
            readings.append(Reading(time.monotonic(), cpu_seconds(process.pid)))
            _rest(process)
    if process.returncode:
        raise BesideError(f"ended with {process.returncode}: {reason(log.read_text(errors='replace'))}")
    return readings


def _rest(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_LOOK_SECONDS)
    except subprocess.TimeoutExpired:
        return


def _said(tool: Tool, report: Path) -> Said:
    try:
        return tool.read(json.loads(report.read_bytes()))
    except OSError as error:
        raise BesideError(f"left no {report.name}") from error
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise BesideError(f"its {report.name} is not as expected: {type(error).__name__} {error}") from error


def _row(said: Said, found: Provider, readings: Sequence[Reading]) -> Row:
    whole: list[dict[str, Any]] = [each for each in found.chats() if each["ended"] == "whole"]
    if not whole:
        raise BesideError("got no whole answer from the provider")
    zero = found.started()
    start = zero + min(each["at"] for each in whole)
    end = zero + max(each["last_token_at"] for each in whole)
    tokens = sum(each["tokens_sent"] for each in whole)
    cpu = between(readings, start, end)
    return Row(said.version, said, sent_of(whole), cpu / tokens * 1e6, cpu / (end - start))
