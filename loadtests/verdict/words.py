"""A verdict in words: which promise failed, by how much, and how sure that is. Pure."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from loadtests.exits import Exit
from loadtests.figures.proof import Answer

if TYPE_CHECKING:
    from loadtests.verdict.result import Result, Verdict


def number(value: float | None, unit: str = "") -> str:
    """Three digits at least; a share as a percentage."""
    if value is None:
        return "\N{EN DASH}"
    if not isfinite(value):
        return "never"
    if not unit:
        return f"{value * 100:.{3 if value >= 0.01 else 2}g} %"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:,.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} {unit}"


def finite(value: float | None) -> float | None:
    """JSON knows no infinity: what never came is null."""
    return value if value is not None and isfinite(value) else None


def percent(sure: float) -> str:
    return "over 99.9 %" if sure > 0.999 else f"{sure * 100:.3g} %"


def sentence(result: Result) -> str:
    what = f"{result.workload}: {result.title} {_measured(result)}, promised {_limit(result)}"
    match result.answer:
        case Answer.HELD:
            return f"{what}: held, {_count(result)}{_how_sure(result)}"
        case Answer.MISSED:
            return f"{what}: missed{_by(result)}, {_count(result)}{_how_sure(result)}"
        case Answer.UNPROVEN:
            return f"{what}: not enough samples, {_count(result)}; {_cure(result)}"


def headline(verdict: Verdict) -> str:
    promises = len(verdict.results)
    if verdict.void and verdict.exit_code is not Exit.MISSED:
        return f"void: {verdict.void}"
    if verdict.missed:
        return f"missed: {len(verdict.missed)} of {_counted(promises, 'promise')}"
    if verdict.unproven and verdict.must_prove:
        return f"not proven: {len(verdict.unproven)} of {_counted(promises, 'promise')} lack samples"
    if verdict.unproven:
        proven = f", {len(verdict.held)} of them proven"
        return f"held: nothing contradicts {_counted(promises, 'promise')}{proven}"
    return f"held: all {_counted(promises, 'promise')}"


def lines(verdict: Verdict) -> list[str]:
    """What failed comes first; what held, last and short."""
    told = [f"{verdict.headline} ({verdict.requests:,} requests, at {verdict.confidence * 100:g} % confidence)"]
    if verdict.void and verdict.exit_code is Exit.MISSED:
        told.append(f"  void but for what was cut: {verdict.void}")
    told += [f"  MISSED  {result.sentence}" for result in verdict.missed]
    told += [f"  unsure  {result.sentence}" for result in verdict.unproven]
    told += [f"  held    {result.sentence}" for result in verdict.held]
    return told


def _measured(result: Result) -> str:
    """With its interval where there is one on both sides."""
    value = number(result.value, result.unit)
    if result.low is None or result.high is None or not (isfinite(result.low) and isfinite(result.high)):
        return value
    low, high = number(result.low, result.unit), number(result.high, result.unit)
    return f"{value} ({low.removesuffix(f' {result.unit}') if result.unit else low.removesuffix(' %')} to {high})"


def _limit(result: Result) -> str:
    if not result.unit and result.limit == 0:
        return "none"
    return f"{'at least' if result.at_least else 'at most'} {number(result.limit, result.unit)}"


def _by(result: Result) -> str:
    gap = result.missed_by
    if gap is None or not isfinite(gap) or not result.limit:
        return ""
    if not result.unit:
        return f" by {gap * 100:.3g} points"
    return f" by {number(gap, result.unit)} ({gap / result.limit * 100:.0f} %)"


def _count(result: Result) -> str:
    beyond = "not good" if result.name == "goodput" else "beyond" if result.unit else "seen"
    may = int(result.allowed * result.counted)
    return f"{result.over:,} of {result.counted:,} {beyond}{f' where {may:,} may be' if result.allowed else ''}"


def _how_sure(result: Result) -> str:
    if result.allowed == 0:
        if result.over or not result.counted:
            return ""
        return f"; one in {max(1, round(result.counted / 3)):,} could go unseen"
    return f", {percent(result.sure)} sure"


def _cure(result: Result) -> str:
    if result.more is None:
        return "it is too close to the limit for any number of requests"
    if not result.over:
        return f"{result.more:,} more with none beyond would prove it"
    return f"{result.more:,} more like them would prove it"


def _counted(number_of: int, thing: str) -> str:
    return f"{number_of:,} {thing}{'' if number_of == 1 else 's'}"
