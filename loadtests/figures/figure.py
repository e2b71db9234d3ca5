"""The figures of a request, by one definition each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf

from loadtests.record.sample import Outcome, Phase, Sample

TARGET = "target"
LONG = 32  # tokens
_TURNED_AWAY = frozenset({Outcome.REFUSED, Outcome.LIMITED, Outcome.SHED})


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    title: str
    unit: str
    smaller_is_better: bool
    of: Callable[[Sample], float | None]
    definition: str


def _first_token(sample: Sample) -> float | None:
    if sample.ttft is not None:
        return sample.ttft * 1000
    return None if sample.outcome in _TURNED_AWAY else inf


def is_long(sample: Sample) -> bool:
    """A shorter answer may come in one piece, and is over before its speed could be told."""
    return (sample.completion_tokens or 0) >= LONG


def _rate(sample: Sample) -> float | None:
    return sample.tokens_per_s if sample.outcome is Outcome.WHOLE and is_long(sample) else None


def _gap(sample: Sample) -> float | None:
    return None if sample.gap is None else sample.gap * 1000


def _total(sample: Sample) -> float | None:
    return sample.total * 1000 if sample.outcome is Outcome.WHOLE else None


FIRST_TOKEN = Figure(
    "first_token_ms",
    "First token",
    "ms",
    True,
    _first_token,
    "From when the request was due to the first delta with content, reasoning or a tool call; a role alone is none. "
    "A request that was taken and never got one counts as later than any limit; one that was turned away is an error.",
)
RATE = Figure(
    "tokens_per_s",
    "Speed of a stream",
    "tokens/s",
    False,
    _rate,
    "Of one whole answer of 32 tokens or more: the tokens after its first delivery, by the time from first token "
    "to last delivery.",
)
GAP = Figure(
    "gap_ms",
    "Largest gap",
    "ms",
    True,
    _gap,
    "The longest wait between two deliveries of one answer that held tokens.",
)
TOTAL = Figure(
    "total_ms",
    "Whole answer",
    "ms",
    True,
    _total,
    "From when the request was due to the end of a whole answer.",
)
FIGURES = (FIRST_TOKEN, RATE, GAP, TOTAL)

DEFINITIONS = {
    **{figure.title: figure.definition for figure in FIGURES},
    "Error share": "Of all requests, those that got anything but a whole answer.",
    "Fallback share": "Of the answers whose target is known, those by another than a first target of the gateway.",
    "Silent truncation": "Answers that end like whole ones and are not: no finish reason, or words missing. "
    "Counted over the whole run, its ramp included.",
    "Goodput": "Requests whose answer is whole and within every limit of the service level, of all.",
    "Percentile": "The smallest value that at least so many of all requests do not exceed; exact, nothing is binned.",
    "Steady": "Figures are of requests that began in a stage's steady part; ramp and drain are cut.",
}


def values(figure: Figure, samples: Iterable[Sample]) -> list[float]:
    """In ascending order."""
    return sorted(value for value in map(figure.of, samples) if value is not None)


def steady(samples: Iterable[Sample], way: str = TARGET) -> list[Sample]:
    return [sample for sample in samples if sample.way == way and sample.phase is Phase.STEADY]
