"""The scorecard as Markdown. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from loadtests.conformance.cases import PATIENCE_SECONDS, SCALE, Case
from loadtests.conformance.judge import Judgement, Verdict

Scores = Mapping[str, Mapping[str, Judgement]]  # gateway -> case id -> judgement

RULES = f"""\
**pass**: the user got a whole, right answer, or the right refusal, and the provider was treated well.
**partial**: so, with a flaw. **safe**: no answer, visibly and in time. **fail**: a hang, or a truncated or wrong answer
that looks whole. In brackets: the verdict by the letter of FailoverBench's own checks, where it differs. S01 to S16 are
FailoverBench's cases, W.. are ours.

Every wait of the catalogue (120, 60, 30, 20 s) is {SCALE} times shorter here, and so are the deadlines and the open
times of Waferline's policies, LiteLLM's timeout (30 s, which FailoverBench gives every gateway) and its cooldown (5 s,
its default). A `Retry-After` is not, nor are LiteLLM's pauses between retries. A client gives up after
{PATIENCE_SECONDS:g} s. Each gateway is one worker with two simulated providers of its own."""


def markdown(cases: Sequence[Case], scores: Scores, facts: Mapping[str, str]) -> str:
    names = list(scores)
    lines = ["# Conformance", "", ", ".join(f"{name} {value}" for name, value in facts.items()), "", RULES, ""]
    lines += [f"| case | what goes wrong | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}"]
    for case in cases:
        cells = " | ".join(cell(scores[name][case.id]) for name in names)
        lines.append(f"| {case.id} | {case.title} | {cells} |")
    lines.append("")
    for title, wanted in (("FailoverBench's cases", True), ("our cases", False)):
        chosen = [case.id for case in cases if (case.letter_right is not None) == wanted]
        if chosen:
            lines += [f"| {title} | pass | partial | safe | fail |", "|---|---|---|---|---|"]
            for name in names:
                found = [scores[name][each] for each in chosen]
                lines.append(f"| {name} | {_counted([each.verdict for each in found])} |")
                if wanted:
                    by_letter = [each.letter for each in found if each.letter]
                    lines.append(f"| {name}, by the letter | {_counted(by_letter)} |")
            lines.append("")
    for name in names:
        lines += [f"**{name}**, what it lacks:", ""]
        lines += [
            f"- {case.id} {cell(scores[name][case.id])}: {'; '.join(why)}"
            for case in cases
            if (why := scores[name][case.id].why)
        ] or ["- nothing"]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def cell(judgement: Judgement) -> str:
    if judgement.letter is None or judgement.letter == judgement.verdict:
        return judgement.verdict
    return f"{judgement.verdict} ({judgement.letter})"


def _counted(verdicts: Sequence[Verdict]) -> str:
    counts = Counter(verdicts)
    return " | ".join(str(counts[each]) for each in Verdict)
