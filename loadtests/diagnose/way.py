"""What happens to answers on their way: held back, over cold connections, with pauses. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from loadtests.diagnose.finding import Finding, Seen, Weight, of_all, part
from loadtests.diagnose.saturation import is_overworked
from loadtests.diagnose.speed import FEWEST, median
from loadtests.figures.figure import FIRST_TOKEN, TARGET, is_long
from loadtests.record.sample import Outcome, Sample
from loadtests.verdict.words import number

MOST = 0.5
PAUSE_SECONDS = 1.0


def buffering(seen: Seen) -> Iterator[Finding]:
    long = [each for each in seen.streamed if is_long(each)]
    held = [each for each in long if each.outcome is Outcome.BUFFERED or _at_once(each)]
    if part(len(held), len(long)) < 0.1:
        return
    late = sorted(each.ttft / each.total for each in held if each.ttft is not None and each.total > 0)
    when = f"; their first token came at {late[len(late) // 2] * 100:.0f} % of the answer's time" if late else ""
    evidence = f"{of_all(len(held), len(long))} of the longer answers came in one or two deliveries{when}"
    if part(len(held), len(long)) < MOST or is_overworked(seen):  # what collects streams collects all, and always
        what = "some answers arrive at once"
        cure = "whoever passes them on has too much to do to pass them on in time: see its CPU, and this machine's"
    else:
        what = "answers are held back and arrive at once"
        cure = (
            "let nothing between here and the provider collect a stream: `proxy_buffering off` and no gzip for "
            "text/event-stream in nginx, no caching proxy; and ask with `stream: true`"
        )
    yield Finding("buffering", Weight.BAD, what, evidence, cure)


def _at_once(sample: Sample) -> bool:
    return sample.deliveries <= 2 and sample.ttft is not None and sample.ttft > 0.9 * sample.total


def cold_connections(seen: Seen) -> Iterator[Finding]:
    """Ours to the target: a new one costs two round trips and a handshake."""
    new = [each for each in seen.answered if not each.reused]
    kept = [each for each in seen.answered if each.reused]
    if len(new) < FEWEST or part(len(new), len(seen.answered)) < 0.05:
        return
    if any(stage.rate is not None for stage in seen.facts.stages) and len(new) <= _most_at_once(seen.samples):
        return  # an open loop has as many as it has requests under way, and opens what a burst lacks
    cold, warm = median(FIRST_TOKEN, new), median(FIRST_TOKEN, kept)
    costs = ""
    if cold is not None and warm is not None and len(kept) >= FEWEST:
        if cold < warm + 10:
            return
        costs = (
            f"; their first token came after {number(cold, 'ms')}, {number(warm, 'ms')} on a connection that was open"
        )
    cure = "keep connections open between requests: whoever answers closes them, or a proxy on the way does"
    evidence = f"{of_all(len(new), len(seen.answered))} answers came over a connection that had to be opened{costs}"
    yield Finding("cold_connections", Weight.WARN, "connections are opened anew", evidence, cure)


def _most_at_once(samples: Sequence[Sample]) -> int:
    """Requests under way to the target."""
    own = [each for each in samples if each.way == TARGET]
    changes = sorted([(each.sent, 1) for each in own] + [(each.end, -1) for each in own])
    return max(accumulate(change for _, change in changes), default=0)


def cold_start(seen: Seen) -> Iterator[Finding]:
    """While load rises there is less of it: whoever comes first should wait least."""
    first, later = (_reached(each) for each in (seen.ramp, seen.counted))
    early, usual = median(FIRST_TOKEN, first), median(FIRST_TOKEN, later)
    if early is None or usual is None or min(len(first), len(later)) < FEWEST or early < max(2 * usual, usual + 100):
        return
    cure = "send no traffic before /health/readiness says so, and raise warm_connections in policies/routing.yaml"
    evidence = f"first token after {number(early, 'ms')} while load rose, {number(usual, 'ms')} later"
    yield Finding("cold_start", Weight.WARN, "the first requests waited for what later ones found warm", evidence, cure)


def pauses(seen: Seen) -> Iterator[Finding]:
    told = [each for each in seen.answered if each.gap is not None]
    paused = [each for each in told if (each.gap or 0) > PAUSE_SECONDS]
    if len(paused) < 3 or part(len(paused), len(told)) < 0.01:
        return
    longest = max(each.gap or 0 for each in paused)
    where = _mostly([each.target for each in paused])
    cure = "where one target pauses, its provider does; where all do at the same time, look at what they share"
    evidence = (
        f"{of_all(len(paused), len(told))} answers paused for more than a second, {longest:.1f} s at the longest{where}"
    )
    yield Finding("pauses", Weight.WARN, "answers pause midway", evidence, cure)


def _mostly(targets: Sequence[str | None]) -> str:
    named = [each for each in targets if each]
    if not named:
        return ""
    top = max(set(named), key=named.count)
    return f", {part(named.count(top), len(named)) * 100:.0f} % of them from {top}"


def _reached(samples: Sequence[Sample]) -> list[Sample]:
    return [each for each in samples if each.ttft is not None]
