"""The Markdown of one run. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loadtests.bench.matrix import AGAIN, DIRECT, STOCK, Setting
from loadtests.bench.musts import Promise
from loadtests.bench.stats import TIMES
from loadtests.bench.summary import Row

SEGMENT_NAMES = {"tick": "several events per segment", "event": "one event per segment"}
NAMES = {AGAIN: "direct again (noise floor)"}
_COLUMNS = (
    "path",
    "tokens/s per stream",
    "of direct",
    "first token added p50, ms",
    "p99, ms",
    "gap p99, ms",
    "CPU µs per token",
    f"{TIMES} nginx",
    "CPU µs per request",
    "peak MB",
    "ceiling req/s",
    "broken",
)


def markdown(
    rows: Sequence[Row],
    missing: Mapping[str, str],
    promised: Sequence[Promise],
    shape: tuple[int, int, int],
    machine: Mapping[str, str],
    notes: Sequence[str],
    two_workers: str = "",
) -> str:
    parts = ["# make bench", _facts(machine)]
    for segment in sorted({row.setting.segment for row in rows}, reverse=True):
        setting = Setting(segment, *shape)
        parts += [f"## {SEGMENT_NAMES[segment][0].upper()}{SEGMENT_NAMES[segment][1:]}", _spoken(setting)]
        parts.append(table([row for row in rows if row.setting == setting], missing))
    parts += ["## What was promised", promise_table(promised)]
    if two_workers:
        parts += ["## Two workers", two_workers]
    others = [row for row in rows if row.setting.shape != shape]
    if others:
        parts += ["## Other settings", other_table(others)]
    if notes:
        parts += ["## Notes", "\n".join(f"- {note}" for note in notes)]
    return "\n\n".join(parts) + "\n"


def table(rows: Sequence[Row], missing: Mapping[str, str]) -> str:
    lines = [_row(row) for row in rows]
    lines += [[name, reason, *[""] * (len(_COLUMNS) - 2)] for name, reason in missing.items()]
    return rule_table(_COLUMNS, lines)


def rule_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    return "\n".join([_cells(head), _rule(len(head)), *map(_cells, lines)])


def promise_table(promised: Sequence[Promise]) -> str:
    head = ("promise", "measured", "must", "aim", "verdict")
    lines = []
    for promise in promised:
        sign = "≥" if promise.at_least else "≤"
        limits = [f"{sign} {number(limit)}{promise.unit}" for limit in (promise.must, promise.aim)]
        measured = "—" if promise.measured is None else f"{number(promise.measured)}{promise.unit}"
        lines.append(_cells([promise.what, measured, *limits, promise.verdict]))
    return "\n".join([_cells(head), _rule(len(head)), *lines])


def other_table(rows: Sequence[Row]) -> str:
    """Fewer columns: what belongs to the process was said above."""
    kept = (1, 2, 3, 4, 5, 6, 7, 11)
    head = ["segments", "streams", "tokens", "pace", "path", *(_COLUMNS[at] for at in kept)]
    lines = []
    for row in rows:
        cells, at = _row(row), row.setting
        segment = SEGMENT_NAMES[at.segment].split(maxsplit=1)[0]
        lines.append(
            _cells([segment, *map(str, (at.streams, at.tokens, at.pace)), cells[0], *(cells[i] for i in kept)])
        )
    return "\n".join([_cells(head), _rule(len(head)), *lines])


def number(value: float | None) -> str:
    """Three figures, which is more than most of this can be known to."""
    if value is None:
        return "—"
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.01 or value == 0 else f"{value:.2f}"


def _row(row: Row) -> list[str]:
    share = "—" if row.rate_share is None else f"{row.rate_share * 100:.1f} %"
    is_direct = row.path == DIRECT
    name = NAMES.get(row.path, row.path)
    cut = f" ({row.unfinished} cut off by the bench)" if row.unfinished else ""
    return [
        name,
        number(row.rate),
        "" if is_direct else share,
        "" if is_direct else number(row.added_p50_ms),
        "" if is_direct else number(row.added_p99_ms),
        number(row.gap_p99_ms),
        number(row.cpu_us_per_token),
        number(row.of_nginx),
        number(row.us_per_request),
        number(row.peak_megabytes),
        number(row.requests_per_second),
        f"{row.broken} of {row.answers:,}{cut}",
    ]


def _spoken(setting: Setting) -> str:
    return (
        f"{setting.streams} streams at once, {setting.tokens} tokens each, at {setting.pace:,} tokens/s; "
        "the last columns but one from replies of one token."
    )


def _facts(machine: Mapping[str, str]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in machine.items())


def _cells(values: Sequence[str]) -> str:
    return f"| {' | '.join(values)} |"


def _rule(columns: int) -> str:
    return f"|{'---|' * columns}"


def stock_note(seconds: float) -> str:
    return (
        f"{STOCK} is measured in one round only, in the same closed loop as all others for {seconds:.0f} s, and cut "
        "off then, because its answers take seconds: of those that were cut, what had been delivered counts."
    )
