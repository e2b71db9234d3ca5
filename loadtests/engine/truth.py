"""How far samples are from what the simulated provider knows it has sent, and when. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from loadtests.record.sample import Outcome, Sample

MOST_P50_MS = 2.0
MOST_P99_MS = 5.0
MOST_RATE_SHARE = 0.02


@dataclass(frozen=True, slots=True)
class Sent:
    """What the provider knows of its answers, each from its request's arrival: the same for whoever asked."""

    answers: int
    first_p50_ms: float
    first_p99_ms: float
    tokens_per_s: float  # median


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Errors are as measured less as sent: the sign says whether we are late."""

    streams: int
    answers: int
    missing: int  # that were sent and not measured whole, or the other way round
    first_p50_ms: float  # measured, of all answers
    first_p99_ms: float
    first_p50_error_ms: float
    first_p99_error_ms: float
    tokens_per_s: float
    rate_error_share: float  # of the median
    rate_p5_error_share: float
    cpu_us_per_token: float
    cpu_share: float  # of one core
    sent: Sent

    @property
    def failings(self) -> list[str]:
        """What it misses of what a gate needs, in words."""
        p50, p99, rate = self.first_p50_error_ms, self.first_p99_error_ms, self.rate_error_share
        checks = (
            (abs(p50) <= MOST_P50_MS, f"first token p50 is off by {p50:+.1f} ms"),
            (abs(p99) <= MOST_P99_MS, f"first token p99 is off by {p99:+.1f} ms"),
            (abs(rate) <= MOST_RATE_SHARE, f"tokens/s are off by {rate:+.1%}"),
            (self.missing == 0, f"{self.missing} answers are not as they were sent"),
        )
        return [what for fine, what in checks if not fine]

    def __str__(self) -> str:
        return (
            f"accurate here, at {self.streams} streams, to {self.first_p50_error_ms:+.2f} ms of the first token "
            f"at p50 and {self.first_p99_error_ms:+.2f} at p99, and {self.rate_error_share:+.2%} of "
            f"{self.tokens_per_s:,.0f} tokens/s; {self.cpu_us_per_token:.1f} us of CPU per token, "
            f"{self.cpu_share:.0%} of a core"
        )


def compare(
    samples: Sequence[Sample], entries: Iterable[Mapping[str, Any]], started: float, cpu_seconds: float, streams: int
) -> Accuracy:
    """`started` is the provider's zero on the clock of `samples`. What began or ended outside of them is left out."""
    sent = {entry["headers"].get("x-request-id"): entry for entry in entries if entry["first_token_at"] is not None}
    # A provider that did not get a core sends at once: that is as it was sent.
    as_sent = (Outcome.WHOLE, Outcome.BUFFERED)
    whole = [sample for sample in samples if sample.outcome in as_sent and sample.first is not None]
    pairs = [(sample, sent[sample.id]) for sample in whole if sample.id in sent]
    if not pairs:
        raise ValueError("no answer was both sent and measured")
    measured = sorted(_ms(sample.first, sample) for sample, _ in pairs)
    true = sorted(_ms(started + entry["first_token_at"], sample) for sample, entry in pairs)
    rates = sorted(sample.tokens_per_s or 0.0 for sample, _ in pairs)
    true_rates = sorted(_rate(entry) for _, entry in pairs)
    tokens = sum(sample.completion_tokens or 0 for sample in samples)
    seconds = max(sample.end for sample in samples) - min(sample.sent for sample in samples)
    return Accuracy(
        streams=streams,
        answers=len(pairs),
        missing=len(samples) - len(pairs),
        first_p50_ms=median(measured),
        first_p99_ms=_p99(measured),
        first_p50_error_ms=median(measured) - median(true),
        first_p99_error_ms=_p99(measured) - _p99(true),
        tokens_per_s=median(rates),
        rate_error_share=median(rates) / median(true_rates) - 1,
        rate_p5_error_share=_p5(rates) / _p5(true_rates) - 1,
        cpu_us_per_token=cpu_seconds / tokens * 1e6,
        cpu_share=cpu_seconds / seconds,
        sent=sent_of([entry for _, entry in pairs]),
    )


def sent_of(entries: Sequence[Mapping[str, Any]]) -> Sent:
    firsts = sorted((entry["first_token_at"] - entry["at"]) * 1e3 for entry in entries)
    return Sent(len(firsts), median(firsts), _p99(firsts), median(_rate(entry) for entry in entries))


def _ms(at: float | None, sample: Sample) -> float:
    return ((at or 0.0) - sample.sent) * 1e3


def _rate(entry: Mapping[str, Any]) -> float:
    """Over what was sent after the first token's write, as Sample counts it."""
    seconds = entry["last_token_at"] - entry["first_token_at"]
    return (entry["tokens_sent"] - entry["first_tokens"]) / seconds if seconds > 0 else 0.0


def _p99(values: Sequence[float]) -> float:
    return values[min(int(len(values) * 0.99), len(values) - 1)]


def _p5(values: Sequence[float]) -> float:
    return values[int(len(values) * 0.05)]
