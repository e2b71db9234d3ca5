"""The terminal while a run goes on: a table that is drawn anew, or now and then a line."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from time import perf_counter
from typing import Protocol, TextIO

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadtests.engine.course import Row, rows
from loadtests.record.sample import Sample

LINE_SECONDS = 10.0
PER_SECOND = 3
SHARE_OF_TIME = 50


class View(Protocol):
    def say(self, text: str) -> None: ...
    def show(self, stage: str, at: float, seconds: float, samples: Sequence[Sample]) -> None: ...
    def close(self) -> None: ...


class Lines:
    """For a file or a pipeline."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._due = LINE_SECONDS

    def say(self, text: str) -> None:
        self._out.write(f"{text}\n")
        self._out.flush()

    def show(self, stage: str, at: float, seconds: float, samples: Sequence[Sample]) -> None:
        if at < self._due:
            return
        self._due += LINE_SECONDS
        told = "; ".join(_line(row) for row in rows(samples)) or "no answer yet"
        self.say(f"{stage}, {max(seconds - at, 0):.0f} s left: {told}")

    def close(self) -> None:
        self._out.flush()


class Screen:
    """For a person."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, refresh_per_second=PER_SECOND, transient=True)
        self._due = 0.0

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)

    def show(self, stage: str, at: float, seconds: float, samples: Sequence[Sample]) -> None:
        if at < self._due:
            return
        began = perf_counter()
        if not self._live.is_started:
            self._live.start()
        bar = ProgressBar(total=seconds, completed=max(min(at, seconds), 0), width=40)
        head = Text.assemble((stage, "bold"), f"   {max(seconds - at, 0):.0f} s left")
        page = Table.grid()
        for each in (head, bar, "", _table(rows(samples))):  # a bar by itself does not end its line
            page.add_row(each)
        self._live.update(page)
        # The more there is to sort, the less often: the generator may want this core.
        self._due = at + max(1 / PER_SECOND, SHARE_OF_TIME * (perf_counter() - began))

    def close(self) -> None:
        if self._live.is_started:
            self._live.stop()


def view() -> View:
    console = Console()
    return Screen(console) if console.is_terminal and not console.is_dumb_terminal else Lines(sys.stdout)


def _table(found: Sequence[Row]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("workload")
    for name in ("requests", "first token p50", "p95", "p99 ms", "tokens/s"):
        table.add_column(name, justify="right")
    table.add_column("not whole", style="red")
    for row in found:
        figures = (row.first_p50_ms, row.first_p95_ms, row.first_p99_ms, row.tokens_per_s)
        table.add_row(
            row.name, f"{row.requests:,}", *("" if each is None else f"{each:,.0f}" for each in figures), row.troubles
        )
    return table


def _line(row: Row) -> str:
    first = (
        "" if row.first_p50_ms is None else f", first token {row.first_p50_ms:.0f} ms p50 {row.first_p99_ms:.0f} p99"
    )
    rate = "" if row.tokens_per_s is None else f", {row.tokens_per_s:,.0f} tokens/s"
    troubles = f", {row.troubles}" if row.troubles else ""
    return f"{row.name} {row.requests} requests{first}{rate}{troubles}"
