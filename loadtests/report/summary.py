"""The verdict as Markdown, for the page of a pipeline's run. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from loadtests.diagnose.finding import Finding, Weight
from loadtests.figures.facts import Facts
from loadtests.figures.proof import Answer
from loadtests.record.folder import Run
from loadtests.report.content import tiles
from loadtests.report.tables import Table, failover
from loadtests.verdict.outage import outages
from loadtests.verdict.result import Result, Verdict
from loadtests.verdict.sweep import Sweep
from loadtests.verdict.words import number


def summary(run: Run, verdict: Verdict, findings: Sequence[Finding], swept: Sweep | None) -> str:
    return "\n".join([*_lines(run, verdict, findings, swept), ""])


def _lines(run: Run, verdict: Verdict, findings: Sequence[Finding], swept: Sweep | None) -> Iterator[str]:
    facts = Facts(run.info)
    yield f"## Load test {_cell(facts.scenario)}: {_cell(verdict.headline)}"
    yield ""
    where = _cell(facts.text("target", "url") or "the target")
    yield f"{verdict.requests:,} requests to {where}, exit code {int(verdict.exit_code)}."
    yield ""
    yield "| figure | | |"
    yield "|---|---|---|"
    for tile in tiles(run, swept):
        yield f"| {tile.title} | {tile.value} {tile.unit} | {tile.more} |"
    yield ""
    yield "| promise | measured | limit | answer |"
    yield "|---|---|---|---|"
    for result in [*verdict.missed, *verdict.unproven, *verdict.held]:
        yield _row(result)
    if swept:
        yield from ("", f"{swept.sentence[:1].upper()}{swept.sentence[1:]}.")
    faults = failover(outages(run.samples, run.marks, facts.primaries))
    if faults.rows:
        yield from ("", *_table(faults))
    told = [finding for finding in findings if finding.weight is not Weight.FINE]
    if told:
        yield from ("", "**What was found**", "")
        yield from (f"* {_cell(finding.sentence)}" for finding in told)


def _table(held: Table) -> Iterator[str]:
    yield f"| {' | '.join(held.head)} |"
    yield f"|{'---|' * len(held.head)}"
    yield from (f"| {' | '.join(map(_cell, row))} |" for row in held.rows)


def _row(result: Result) -> str:
    sign = "at least" if result.at_least else "at most"
    cells = (
        f"{result.workload}: {result.title}",
        number(result.value, result.unit),
        f"{sign} {number(result.limit, result.unit)}" if result.limit else "none",
    )
    answer = result.answer.value if result.answer is Answer.HELD else f"**{result.answer.value}**"
    return "| " + " | ".join([*map(_cell, cells), answer]) + " |"


def _cell(said: str) -> str:
    """What a name may hold must not become markup."""
    return re.sub(r"([\\`*_{}\[\]<>|])", r"\\\1", " ".join(said.split()))
