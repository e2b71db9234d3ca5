"""Pass, partial, safe or fail, as FailoverBench means them. Pure.

pass     every answer is what it should be, and every check holds
partial  every answer is what it should be, with a flaw
safe     not so, but what came instead is visibly no answer, and came in time
fail     a hang, a wrong or truncated answer that looks whole, or a check that must hold and does not
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from loadtests.conformance.answer import End
from loadtests.conformance.cases import Case
from loadtests.conformance.checks import By, Seen, complaint


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105  no password
    PARTIAL = "partial"
    SAFE = "safe"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: Verdict
    letter: Verdict | None  # by FailoverBench's own checks; None for a case of ours
    why: tuple[str, ...]


def judge(case: Case, seen: Seen) -> Judgement:
    verdict, why = _by(By.OURS, case, seen, case.right)
    if not case.letter_right:
        return Judgement(verdict, None, why)
    letter, letter_why = _by(By.LETTER, case, seen, case.letter_right)
    by_letter = () if letter == verdict else tuple(f"by the letter: {each}" for each in letter_why if each not in why)
    return Judgement(verdict, letter, why + by_letter)


def _by(whose: By, case: Case, seen: Seen, right: End) -> tuple[Verdict, tuple[str, ...]]:
    kept = [check for check in case.checks if check.by in (By.BOTH, whose)]
    broken = [(check.must, text) for check in kept if (text := complaint(check, seen))]
    ends = {answer.end for answer in seen.answers}
    short = tuple(dict.fromkeys(str(answer) for answer in seen.answers if answer.end != right))
    why = short + tuple(text for _, text in broken)
    if ends & {End.HANG, End.LIE} or any(must for must, _ in broken):
        return Verdict.FAIL, why
    if ends == {right}:
        return (Verdict.PARTIAL if broken else Verdict.PASS), why
    # Where a refusal is right, a whole answer went round it.
    return (Verdict.PARTIAL if right == End.REFUSED and ends <= {right, End.WHOLE} else Verdict.SAFE), why
