"""From raw cells to the figures of the tables: within a round against direct, then the median over rounds. Pure.

No stream is faster than its provider speaks. One that seems to be was held back and then let go at once: its rate is
counted from when the first token comes if nothing is in between. Without that, a gateway that delays everything and
sends it in one go would look best of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from loadtests.bench.matrix import DIRECT, Setting
from loadtests.bench.stats import median, minus, percentile, ratio

FASTER = 1.05  # than its pace, by chance: events are not all of one size


@dataclass(frozen=True, slots=True)
class Sample:
    """One cell; seconds, and CPU of the gateway. Lists have an entry for each answer."""

    path: str
    setting: Setting
    round: int
    rates: Sequence[float | None]  # over the streamed output
    first_tokens: Sequence[float | None]
    last_texts: Sequence[float | None]
    first_shares: Sequence[float | None]
    each_tokens: Sequence[int]
    gap_p99: float | None
    cpu: float | None
    tokens: int
    answers: int
    whole: int
    unfinished: int


@dataclass(frozen=True, slots=True)
class Ceiling:
    path: str
    round: int
    requests_per_second: float
    cpu_per_request: float | None  # seconds
    broken: int


@dataclass(frozen=True, slots=True)
class Row:
    """One path at one setting."""

    path: str
    setting: Setting
    rounds: int
    rate: float | None
    rate_share: float | None  # of direct
    added_p50_ms: float | None
    added_p99_ms: float | None
    gap_p99_ms: float | None
    cpu_us_per_token: float | None
    of_nginx: float | None
    answers: int
    broken: int
    unfinished: int
    us_per_request: float | None
    requests_per_second: float | None
    peak_megabytes: float | None


def rows(
    samples: Sequence[Sample], ceilings: Sequence[Ceiling], peaks: dict[str, float], order: Iterable[str]
) -> list[Row]:
    settings = sorted({sample.setting for sample in samples})
    found = []
    for setting in settings:
        here = [sample for sample in samples if sample.setting == setting]
        for path in order:
            mine = [sample for sample in here if sample.path == path]
            if mine:
                found.append(_row(mine, here, [each for each in ceilings if each.path == path], peaks.get(path)))
    return found


def find(found: Iterable[Row], path: str, segment: str, shape: tuple[int, int, int]) -> Row | None:
    wanted = (path, Setting(segment, *shape))
    return next((row for row in found if (row.path, row.setting) == wanted), None)


def _row(mine: list[Sample], here: list[Sample], ceilings: list[Ceiling], peak: float | None) -> Row:
    direct = {sample.round: sample for sample in here if sample.path == DIRECT}
    nginx = {sample.round: sample for sample in here if sample.path == "nginx"}
    pairs = [(sample, direct[sample.round]) for sample in mine if sample.round in direct]
    rates = {sample.round: rate(sample, direct.get(sample.round)) for sample in mine}
    ours = [(sample, nginx[sample.round]) for sample in mine if sample.round in nginx]
    return Row(
        path=mine[0].path,
        setting=mine[0].setting,
        rounds=len(mine),
        rate=median(rates.values()),
        rate_share=median(ratio(rates[s.round], rate(base, base)) for s, base in pairs),
        added_p50_ms=_times(median(_added(s, base, 0.5) for s, base in pairs), 1e3),
        added_p99_ms=_times(median(_added(s, base, 0.99) for s, base in pairs), 1e3),
        gap_p99_ms=_times(median(sample.gap_p99 for sample in mine), 1e3),
        cpu_us_per_token=_times(median(per_token(sample) for sample in mine), 1e6),
        of_nginx=median(ratio(per_token(sample), per_token(base)) for sample, base in ours),
        answers=sum(sample.answers for sample in mine),
        broken=sum(s.answers - s.whole - s.unfinished for s in mine) + sum(each.broken for each in ceilings),
        unfinished=sum(sample.unfinished for sample in mine),
        us_per_request=_times(median(each.cpu_per_request for each in ceilings), 1e6),
        requests_per_second=median(each.requests_per_second for each in ceilings),
        peak_megabytes=peak,
    )


def rate(sample: Sample, direct: Sample | None) -> float | None:
    """Tokens per second of a stream, the median of all."""
    believable = sample.setting.pace * FASTER
    due = median(direct.first_tokens) if direct else None
    share = (median(direct.first_shares) if direct else None) or 0.0
    found: list[float | None] = []
    for streamed, last, tokens in zip(sample.rates, sample.last_texts, sample.each_tokens, strict=True):
        if last is not None and due is not None and last > due and (streamed is None or streamed > believable):
            found.append(tokens * (1 - share) / (last - due))
        else:
            found.append(streamed)
    return median(found)


def _added(sample: Sample, direct: Sample, share: float) -> float | None:
    return minus(percentile(sample.first_tokens, share), percentile(direct.first_tokens, share))


def per_token(sample: Sample) -> float | None:
    return None if sample.cpu is None or not sample.tokens else sample.cpu / sample.tokens


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
