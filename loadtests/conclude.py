"""The end of a run: it is judged, and its folder gets verdict, report and summary."""

from __future__ import annotations

from pathlib import Path

from loadtests.record.folder import Run
from loadtests.report.write import write
from loadtests.verdict.judge import judge
from loadtests.verdict.levels import read
from loadtests.verdict.result import Verdict
from loadtests.verdict.sweep import sweep


def conclude(folder: Path, run: Run, levels: Path | None = None) -> Verdict:
    """By the service levels that are named here or in the run, else by those of policies/slo.yaml."""
    named = run.info.get("slo")
    slo = read(levels or (Path(named) if named else None))
    swept = sweep(run, slo)
    verdict = judge(run, slo, swept.judged if swept else None)
    write(folder, run, verdict, swept)
    return verdict
