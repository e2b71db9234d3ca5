"""A verdict as JUnit XML, which every pipeline can show: a suite per workload, a case per promise. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from loadtests.figures.proof import Answer
from loadtests.verdict.result import Result, Verdict

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(verdict: Verdict, name: str) -> str:
    """What is not proven is skipped, unless it had to be: then it is an error, as a void run is."""
    workloads = sorted({result.workload for result in verdict.results})
    suites = [
        _suite(each, [result for result in verdict.results if result.workload == each], verdict) for each in workloads
    ]
    if verdict.void:
        error = f"<error message={_quoted(verdict.void)}/>"
        body = f'<testcase classname="run" name="the run proves something">{error}</testcase>'
        suites.append(f'<testsuite name="run" tests="1" failures="0" errors="1" skipped="0">{body}</testsuite>')
    return "\n".join(
        ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites name={_quoted(name)}>", *suites, "</testsuites>", ""]
    )


def _suite(workload: str, results: Sequence[Result], verdict: Verdict) -> str:
    unproven = sum(result.answer is Answer.UNPROVEN for result in results)
    errors = unproven if verdict.must_prove else 0
    counts = (
        f'tests="{len(results)}" failures="{sum(result.answer is Answer.MISSED for result in results)}" '
        f'errors="{errors}" skipped="{unproven - errors}"'
    )
    cases = [_case(workload, result, verdict.must_prove) for result in results]
    return "\n".join([f"<testsuite name={_quoted(workload)} {counts}>", *cases, "</testsuite>"])


def _case(workload: str, result: Result, must_prove: bool) -> str:
    tag = {Answer.MISSED: "failure", Answer.UNPROVEN: "error" if must_prove else "skipped"}.get(result.answer)
    body = (
        f"<{tag} message={_quoted(result.sentence)}/>"
        if tag
        else f"<system-out>{escape(_clean(result.sentence))}</system-out>"
    )
    return f"<testcase classname={_quoted(workload)} name={_quoted(result.name)}>{body}</testcase>"


def _quoted(text: str) -> str:
    return quoteattr(_clean(text))


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
