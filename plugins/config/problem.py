"""What is wrong with a file, where, what it was, and the cure: one line each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    ERROR = "error"  # not accepted
    WARNING = "warning"  # accepted, but somebody should look


@dataclass(frozen=True, slots=True)
class Problem:
    file: str
    line: int  # 0 where there are no lines
    key: str
    what: str
    was: str | None = None
    cure: str | None = None
    level: Level = Level.ERROR
    stops: bool = True  # an error that need not stop a gateway: a model retires overnight, and the others still serve

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        place = f"{self.file}{line} {self.key}".rstrip()
        mark = "warning: " if self.level is Level.WARNING else ""
        was = f" (was {self.was})" if self.was is not None else ""
        cure = f"; {self.cure}" if self.cure else ""
        whole = f"{place}: {mark}{self.what}{was}{cure}"
        return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in whole)  # one line, always

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def errors(problems: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.level is Level.ERROR]


def stopping(problems: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in errors(problems) if problem.stops]


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: (problem.file, problem.line, problem.key, problem.what))
