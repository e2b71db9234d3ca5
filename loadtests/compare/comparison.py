"""Two runs compared, as data and in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Any

from loadtests.compare.alike import differences
from loadtests.compare.difference import Change, Difference, compare
from loadtests.exits import Exit
from loadtests.figures.facts import Facts
from loadtests.record.folder import Run
from loadtests.verdict.words import number


@dataclass(frozen=True, slots=True)
class Comparison:
    before: str
    after: str
    unlike: tuple[str, ...]
    found: tuple[Difference, ...]

    @property
    def exit_code(self) -> Exit:
        if not self.found:
            return Exit.SET_UP
        return Exit.MISSED if any(each.change is Change.WORSE for each in self.found) else Exit.HELD

    @property
    def headline(self) -> str:
        if self.unlike and not self.found:
            return "the two runs cannot be compared"
        worse = sum(each.change is Change.WORSE for each in self.found)
        better = sum(each.change is Change.BETTER for each in self.found)
        if not worse and not better:
            return "no difference beyond the noise"
        return ", ".join(f"{count} {word}" for count, word in ((worse, "worse"), (better, "better")) if count)

    @property
    def text(self) -> str:
        return "\n".join(_lines(self))

    def as_dict(self) -> dict[str, Any]:
        return {
            "before": self.before,
            "after": self.after,
            "exit_code": int(self.exit_code),
            "headline": self.headline,
            "unlike": list(self.unlike),
            "differences": [each.as_dict() for each in self.found],
        }


def compare_runs(before: Run, after: Run, *, force: bool = False) -> Comparison:
    """Runs that were not made alike are not compared, unless somebody insists."""
    one, other = Facts(before.info), Facts(after.info)
    unlike = differences(one, other)
    primaries = one.primaries | other.primaries
    samples, others = before.samples, after.samples
    if one.at("scenario", "ends_at_knee") and not unlike:
        shared = {stage.name for stage in one.stages} & {stage.name for stage in other.stages}
        samples, others = ([each for each in side if each.stage in shared] for side in (samples, others))
    found = [] if unlike and not force else compare(samples, others, primaries)
    if not found and not unlike:
        unlike = ["one of the two has no request in a steady stage"]
    return Comparison(one.name, other.name, tuple(unlike), tuple(found))


def _lines(comparison: Comparison) -> Iterator[str]:
    yield f"{comparison.before} -> {comparison.after}: {comparison.headline}"
    yield from (f"  unlike: {each}" for each in comparison.unlike)
    if not comparison.found:
        yield "  run the same scenario again, or insist with --force"
        return
    order = [Change.WORSE, Change.BETTER, Change.SAME, Change.UNKNOWN]
    for each in sorted(comparison.found, key=lambda each: order.index(each.change)):
        yield f"  {each.change.value:<13} {each.title:<22} {_figures(each)}"


def _figures(each: Difference) -> str:
    said = f"{number(each.before, each.unit)} -> {number(each.after, each.unit)}"
    if each.by is None or each.low is None or each.high is None:
        return f"{said}{_lack(each)}"
    unit = "%" if each.unit else "points"
    said += f", {each.by * 100:+.1f} {unit} ({each.low * 100:+.1f} to {each.high * 100:+.1f})"
    if each.change is Change.SAME and each.unseen is not None:
        said += f"; less than {each.unseen * 100:.2g} {unit} would not show"
    return said


def _lack(each: Difference) -> str:
    if each.change is not Change.UNKNOWN:
        return ""
    if not each.fewest:
        return ": one of the two runs has none"
    if each.fewest >= each.needed:
        return ": too many requests never got there"
    more, longer = each.needed - each.fewest, ceil(each.needed / each.fewest * 10) / 10
    lack = f"it takes {each.needed:,} requests in each run, and one has {each.fewest:,}"
    return f": {lack}; {more:,} more would do, so run both {longer:g} times as long (`--seconds`)"
