"""Writing what a run comes to into its folder: for people, for pipelines, for machines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson

from loadtests.diagnose.finding import Finding
from loadtests.figures.facts import Facts
from loadtests.record.folder import Run
from loadtests.report.page import page
from loadtests.report.summary import summary
from loadtests.verdict.junit import junit
from loadtests.verdict.outage import outages
from loadtests.verdict.result import Verdict
from loadtests.verdict.sweep import Sweep
from loadtests.verdict.words import finite


def write(folder: Path, run: Run, verdict: Verdict, findings: Sequence[Finding], swept: Sweep | None) -> None:
    told = {
        **verdict.as_dict(),
        "findings": [
            {
                "name": each.name,
                "weight": str(each.weight),
                "what": each.what,
                "evidence": each.evidence,
                "cure": each.cure,
            }
            for each in findings
        ],
        "sweep": _sweep(swept) if swept else None,
        "faults": [each.as_dict() for each in outages(run.samples, run.marks, Facts(run.info).primaries)],
    }
    (folder / "verdict.json").write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    (folder / "junit.xml").write_text(junit(verdict, Facts(run.info).name), encoding="utf-8")
    (folder / "summary.md").write_text(summary(run, verdict, findings, swept), encoding="utf-8")
    (folder / "report.html").write_text(page(run, verdict, findings, swept), encoding="utf-8")


def _sweep(swept: Sweep) -> dict[str, object]:
    return {
        "sentence": swept.sentence,
        "knee": swept.knee.load if swept.knee else None,
        "confirmed": swept.confirmed,
        "ended_by": swept.ended.why or "last level",
        "safe": swept.safe.load if swept.safe else None,
        "safe_is_proven": swept.safe.proven if swept.safe else None,
        "levels": [
            {
                "load": level.load,
                "requests": level.requests,
                "whole": level.whole,
                "tokens_per_s": level.tokens_per_s,
                "first_token_p50_ms": finite(level.first_p50),
                "first_token_p99_ms": finite(level.first_p99),
                "missed": list(level.missed),
            }
            for level in swept.levels
        ],
    }
