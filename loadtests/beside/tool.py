"""What a tool is asked to do, and what it says of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class BesideError(Exception):
    """Why a tool has no figures, in one sentence."""


@dataclass(frozen=True, slots=True)
class Order:
    origin: str  # of the provider
    model: str
    streams: int
    requests: int
    tokens: int  # of an answer
    ramp_seconds: float = 0.6  # as ours: all at once would be a burst of connections


@dataclass(frozen=True, slots=True)
class Said:
    """By the tool's own report."""

    version: str
    answers: int  # it counts as good
    first_p50_ms: float
    first_p99_ms: float
    tokens_per_s: float  # median of its answers, after the first token


class Tool(Protocol):
    """It works in a folder of its own, where it finds `files` and leaves `REPORT`."""

    REPORT: str

    def files(self, order: Order) -> Mapping[str, str]: ...

    def command(self, order: Order) -> list[str]: ...

    def read(self, report: Mapping[str, Any]) -> Said: ...


def prompt(number: int) -> str:
    """Each once, or a cache would answer."""
    return f"Question {number}: what is the capital of the {number}th country?"
