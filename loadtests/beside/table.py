"""Our generator and other tools in one table: what each says, less what the provider knows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loadtests.bench.report import rule_table
from loadtests.beside.tool import Said
from loadtests.engine.truth import Accuracy, Sent

OURS = "Waferline"
_COLUMNS = (
    "tool",
    "answers",
    "first token p50, ms",
    "off by",
    "p99, ms",
    "off by",
    "tokens/s",
    "off by",
    "CPU µs per token",
    "of a core",
)


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    said: Said | None = None
    sent: Sent | None = None
    cpu_us_per_token: float = 0.0
    cpu_share: float = 0.0
    why: str = ""  # there are no figures


def own(found: Accuracy) -> Row:
    said = Said(OURS, found.answers, found.first_p50_ms, found.first_p99_ms, found.tokens_per_s)
    return Row(OURS, said, found.sent, found.cpu_us_per_token, found.cpu_share)


def markdown(rows: Sequence[Row], streams: int, cores: int, loads: tuple[float, float]) -> str:
    busy = f"{streams} streams; {cores} cores, load average {loads[0]:.1f} before and {loads[1]:.1f} after"
    return f"{busy}\n\n{rule_table(_COLUMNS, [_cells(row) for row in rows])}\n"


def _cells(row: Row) -> list[str]:
    said, sent = row.said, row.sent
    if said is None or sent is None:
        return [row.name, row.why.replace("|", "/"), *[""] * (len(_COLUMNS) - 2)]
    answers = f"{said.answers:,}" if said.answers == sent.answers else f"{said.answers:,} of {sent.answers:,}"
    return [
        row.name,
        answers,
        f"{said.first_p50_ms:.1f}",
        f"{said.first_p50_ms - sent.first_p50_ms:+.1f} ms",
        f"{said.first_p99_ms:.1f}",
        f"{said.first_p99_ms - sent.first_p99_ms:+.1f} ms",
        f"{said.tokens_per_s:,.0f}",
        f"{said.tokens_per_s / sent.tokens_per_s - 1:+.1%}",
        f"{row.cpu_us_per_token:.1f}",
        f"{row.cpu_share:.0%}",
    ]
