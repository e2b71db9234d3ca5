"""What came of a request, before anybody judges it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from loadtests.measure.reader import Heard


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    sent: float
    end: float
    reused: bool
    heard: Heard
    headers: dict[str, str]
    headers_at: float | None = None
    status: int | None = None
    trouble: str | None = None
    code: str | None = None
