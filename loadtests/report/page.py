"""The page: one HTML file with its style, its script and its charts inside, which asks nothing of any network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from loadtests.diagnose.finding import Finding
from loadtests.record.folder import Run
from loadtests.report.content import coded, content
from loadtests.verdict.result import Verdict
from loadtests.verdict.sweep import Sweep

ASSETS = Path(__file__).parent / "assets"
# Everything is escaped but what svg.py made, and the style and script beside the template, which are ours.
_TEMPLATES = Environment(
    loader=FileSystemLoader(ASSETS), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_TEMPLATES.filters["coded"] = coded


def page(run: Run, verdict: Verdict, findings: Sequence[Finding], swept: Sweep | None) -> str:
    return _TEMPLATES.get_template("report.html").render(content(run, verdict, findings, swept))
