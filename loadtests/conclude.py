"""The end of a run: it is judged and diagnosed, and its folder gets verdict, report and summary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtests.diagnose.diagnose import diagnose, lines
from loadtests.diagnose.finding import Finding
from loadtests.exits import Exit
from loadtests.record.folder import Run
from loadtests.report.write import write
from loadtests.verdict.judge import judge
from loadtests.verdict.levels import read
from loadtests.verdict.result import Verdict
from loadtests.verdict.sweep import Sweep, sweep


@dataclass(frozen=True, slots=True)
class Conclusion:
    folder: Path
    verdict: Verdict
    findings: Sequence[Finding]
    swept: Sweep | None

    @property
    def exit_code(self) -> Exit:
        return self.verdict.exit_code

    @property
    def text(self) -> str:
        """For a terminal: what failed, why, and where the whole of it is."""
        curve = [f"  sweep   {self.swept.sentence}"] if self.swept else []
        told = [self.verdict.text, *curve, *lines(self.findings), f"report: {self.folder / 'report.html'}"]
        return "\n".join(told)


def conclude(folder: Path, run: Run, levels: Path | None = None) -> Conclusion:
    """By the service levels that are named here or in the run, else by those of policies/slo.yaml. Of a sweep only the
    levels up to the safe one are judged and asked why: it means to go further."""
    named = run.info.get("slo")
    slo = read(levels or (Path(named) if named else None))
    swept = sweep(run, slo)
    stages = swept.judged if swept else None
    made = Conclusion(folder, judge(run, slo, stages), diagnose(run, stages), swept)
    write(folder, run, made.verdict, made.findings, swept)
    return made
