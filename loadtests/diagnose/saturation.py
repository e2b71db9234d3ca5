"""Who had more to do than it could: the gateway, or whoever sent the load. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from loadtests.diagnose.finding import Finding, Seen, Weight, of_all, part
from loadtests.figures.pairs import added, ways
from loadtests.figures.quantiles import quantile
from loadtests.record.sample import Outcome

BUSY = 0.85
GATEWAY_LAG_MS = 50.0
GENERATOR_LAG_MS = 20.0
ADDED_MS = 50.0
RATE_LEFT = 0.7


def gateway(seen: Seen) -> Iterator[Finding]:
    signs = list(_signs(seen))
    if not signs:
        return
    slow_lane = [each for each in seen.answered if each.lane == "litellm"]
    cure = "raise the number of workers (`--num_workers`) or replicas"
    if part(len(slow_lane), len(seen.answered)) > 0.5:
        signs.append(f"{of_all(len(slow_lane), len(seen.answered))} answers went through LiteLLM's lane")
        cure = "`waferline explain` says what keeps requests off the express lane; else more workers or replicas"
    yield Finding("gateway", Weight.BAD, "the gateway is the bottleneck", ", ".join(signs), cure)


def _signs(seen: Seen) -> Iterator[str]:
    share, lag = seen.facts.number("gateway", "cpu_share"), seen.facts.number("gateway", "lag_p99_ms")
    busiest = seen.facts.number("gateway", "cpu_share_busiest")
    if share is not None and share > BUSY:
        yield f"its busiest worker used {share * 100:.0f} % of a CPU"
    elif busiest is not None and busiest > BUSY:
        yield f"its worker used {busiest * 100:.0f} % of a CPU for 5 s on end"
    if lag is not None and lag > GATEWAY_LAG_MS:
        yield f"its loop was {lag:.0f} ms late at p99"
    for way in ways(seen.samples):
        over = added(seen.samples, way)
        if over and over.low > ADDED_MS:
            yield f"it adds {over.first_ms:.0f} ms to the first token over the way {way!r}"
        if over and over.rate_share is not None and over.rate_share < RATE_LEFT:
            yield f"it leaves {over.rate_share * 100:.0f} % of the speed of the way {way!r}"
    shed = seen.having(Outcome.SHED)
    if part(len(shed), len(seen.counted)) > 0.01:
        yield f"it turned away {of_all(len(shed), len(seen.counted))} requests"


def is_overworked(seen: Seen) -> bool:
    """By its own CPU; what it does to answers then has that cause."""
    shares = (seen.facts.number("gateway", name) for name in ("cpu_share", "cpu_share_busiest"))
    return any(share is not None and share > BUSY for share in shares)


def generator(seen: Seen) -> Iterator[Finding]:
    signs = []
    share, lag = seen.facts.number("generator", "cpu_share"), seen.facts.number("generator", "lag_p99_ms")
    if share is not None and share > BUSY:
        signs.append(f"its busiest process used {share * 100:.0f} % of a CPU")
    if lag is not None and lag > GENERATOR_LAG_MS:
        signs.append(f"it was {lag:.0f} ms late at p99")
    late = quantile(sorted(each.lag * 1000 for each in seen.counted), 0.99)
    if late is not None and late > GENERATOR_LAG_MS and any(stage.rate is not None for stage in seen.facts.stages):
        signs.append(f"requests left {late:.0f} ms after they were due at p99")
    if not signs and not seen.facts.bottleneck:
        return
    evidence = ", ".join([*([seen.facts.bottleneck] if seen.facts.bottleneck else []), *signs])
    cure = "use more processes or machines, or less load; what such a run says of the target is not to be trusted"
    yield Finding("generator", Weight.BAD, "whoever sent the load was the bottleneck", evidence, cure)
