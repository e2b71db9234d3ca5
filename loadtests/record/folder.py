"""A run's folder, `results/<run>/`: `run.json`, `samples.jsonl` and `marks.jsonl`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from loadtests.record.sample import Mark, MarkKind, Outcome, Phase, Sample


@dataclass(frozen=True, slots=True)
class Run:
    info: dict[str, Any]
    samples: list[Sample] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)


def write(folder: Path, run: Run) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_bytes(orjson.dumps(run.info, option=orjson.OPT_INDENT_2))
    _write_lines(folder / "samples.jsonl", run.samples)
    _write_lines(folder / "marks.jsonl", run.marks)


def read(folder: Path) -> Run:
    info = orjson.loads((folder / "run.json").read_bytes())
    samples = [as_sample(each) for each in _lines(folder / "samples.jsonl")]
    marks = [Mark(**{**each, "kind": MarkKind(each["kind"])}) for each in _lines(folder / "marks.jsonl")]
    return Run(info, samples, marks)


def as_sample(fields: dict[str, Any]) -> Sample:
    return Sample(**{**fields, "outcome": Outcome(fields["outcome"]), "phase": Phase(fields["phase"])})


def _write_lines(path: Path, rows: Iterable[Sample | Mark]) -> None:
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))


def _lines(path: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]
