"""One thing that was found, and what the checks look at. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from loadtests.figures.facts import Facts
from loadtests.figures.figure import TARGET, steady
from loadtests.record.sample import Outcome, Phase, Sample


class Weight(StrEnum):
    FINE = "fine"
    NOTE = "note"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    weight: Weight
    what: str
    evidence: str
    cure: str = ""

    @property
    def sentence(self) -> str:
        return f"{self.what}: {self.evidence}" + (f"; {self.cure}" if self.cure else "")


@dataclass(frozen=True, slots=True)
class Seen:
    """The run, cut up once for all checks."""

    facts: Facts
    samples: Sequence[Sample]
    faults: int = 0  # that were put in: what they do is no news
    counted: Sequence[Sample] = field(init=False)  # the target's, while steady
    answered: Sequence[Sample] = field(init=False)  # of those, the ones with text
    streamed: Sequence[Sample] = field(init=False)  # and of those, the ones that were to come as a stream
    ramp: Sequence[Sample] = field(init=False)

    def __post_init__(self) -> None:
        counted = steady(self.samples)
        texts = (Outcome.WHOLE, Outcome.BUFFERED, Outcome.TRUNCATED)
        object.__setattr__(self, "counted", counted)
        object.__setattr__(self, "answered", [each for each in counted if each.outcome in texts])
        streams = [each for each in self.answered if each.workload not in self.facts.unstreamed]
        object.__setattr__(self, "streamed", streams)
        ramp = [each for each in self.samples if each.way == TARGET and each.phase is Phase.RAMP]
        object.__setattr__(self, "ramp", ramp)

    def having(self, outcome: Outcome) -> list[Sample]:
        return [sample for sample in self.counted if sample.outcome is outcome]


def part(some: int, of: int) -> float:
    return some / of if of else 0.0


def of_all(some: int, of: int) -> str:
    return f"{some:,} of {of:,} ({part(some, of) * 100:.3g} %)"
