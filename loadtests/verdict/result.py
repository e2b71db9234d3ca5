"""What a run says of one promise, and all of them together. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loadtests.exits import Exit
from loadtests.figures.proof import Answer
from loadtests.verdict import words


@dataclass(frozen=True, slots=True)
class Result:
    workload: str
    name: str
    title: str
    unit: str
    at_least: bool
    limit: float
    value: float | None  # as seen: the percentile, or the share
    low: float | None  # between which the true one lies
    high: float | None
    answer: Answer
    sure: float
    counted: int
    over: int
    allowed: float
    more: int | None  # requests that would prove it either way if as many were over; None: more than a million

    @property
    def missed_by(self) -> float | None:
        if self.answer is not Answer.MISSED or self.value is None:
            return None
        return abs(self.value - self.limit)

    @property
    def sentence(self) -> str:
        return words.sentence(self)

    def as_dict(self) -> dict[str, Any]:
        return {
            "workload": self.workload,
            "promise": self.name,
            "answer": str(self.answer),
            "limit": self.limit,
            "value": words.finite(self.value),
            "low": words.finite(self.low),
            "high": words.finite(self.high),
            "missed_by": words.finite(self.missed_by),
            "sure": round(self.sure, 6),
            "requests": self.counted,
            "beyond": self.over,
            "more_needed": self.more,
            "sentence": self.sentence,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    results: tuple[Result, ...]
    void: str | None  # why the run proves nothing
    must_prove: bool
    confidence: float
    requests: int

    @property
    def missed(self) -> list[Result]:
        return [result for result in self.results if result.answer is Answer.MISSED]

    @property
    def unproven(self) -> list[Result]:
        return [result for result in self.results if result.answer is Answer.UNPROVEN]

    @property
    def held(self) -> list[Result]:
        return [result for result in self.results if result.answer is Answer.HELD]

    @property
    def exit_code(self) -> Exit:
        """A truncated answer was cut by whoever sent it, however busy the generator was."""
        cut = any(result.name == "silent_truncation" for result in self.missed)
        if self.void and not cut:
            return Exit.VOID
        if self.missed:
            return Exit.MISSED
        return Exit.VOID if self.unproven and self.must_prove else Exit.HELD

    @property
    def headline(self) -> str:
        return words.headline(self)

    @property
    def text(self) -> str:
        return "\n".join(words.lines(self))

    def as_dict(self) -> dict[str, Any]:
        return {
            "exit_code": int(self.exit_code),
            "verdict": self.exit_code.name.lower(),
            "headline": self.headline,
            "void": self.void,
            "must_prove": self.must_prove,
            "confidence": self.confidence,
            "requests": self.requests,
            "promises": [result.as_dict() for result in self.results],
        }
