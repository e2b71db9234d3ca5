"""What is charted on Locust's page. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from loadtests.users.rows import FIRST, GAP, RATE, TOTAL


@dataclass(frozen=True, slots=True)
class Charted:
    row: str  # of Locust's statistics
    title: str
    shares: tuple[float, ...]

    @property
    def lines(self) -> list[str]:
        return [f"p{share * 100:g}" for share in self.shares]


CHARTED = (
    Charted(FIRST, "First token, ms", (0.5, 0.95, 0.99)),
    Charted(RATE, "Tokens/s of one stream", (0.5, 0.05)),
    Charted(GAP, "Longest gap within an answer, ms", (0.5, 0.99)),
    Charted(TOTAL, "Whole answer, ms", (0.5, 0.95, 0.99)),
)
