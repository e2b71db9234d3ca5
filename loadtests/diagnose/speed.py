"""What is measured of each model beside what is published of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from loadtests.diagnose.finding import Finding, Seen, Weight
from loadtests.figures.figure import FIRST_TOKEN, RATE, Figure, steady, values
from loadtests.figures.pairs import ways
from loadtests.figures.quantiles import quantile
from loadtests.record.sample import Sample
from loadtests.verdict.words import number
from plugins.policy.speed import Pace, pace_of_first_token, pace_of_rate

FEWEST = 10
_WEIGHTS = {Pace.RIGHT: Weight.FINE, Pace.DOUBTFUL: Weight.WARN, Pace.WRONG: Weight.BAD, Pace.BURST: Weight.BAD}


def beside_the_reference(seen: Seen) -> Iterator[Finding]:
    for model, samples in by_model(seen.streamed).items():
        for figure, pace in ((RATE, pace_of_rate), (FIRST_TOKEN, pace_of_first_token)):
            known = seen.facts.reference(model, figure.name)
            measured = median(figure, samples)
            if known is None or measured is None or not measured:
                continue
            yield _finding(model, figure, measured, known, pace(measured, known), _elsewhere(seen, model, figure))


def by_model(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """Of models with answers enough."""
    found: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.model_served:
            found.setdefault(sample.model_served, []).append(sample)
    return {model: held for model, held in sorted(found.items()) if len(held) >= FEWEST}


def median(figure: Figure, samples: Sequence[Sample]) -> float | None:
    return quantile(values(figure, samples), 0.5)


def _elsewhere(seen: Seen, model: str, figure: Figure) -> str:
    """The same figure without the gateway: it parts what is the provider's from what is ours."""
    for way in ways(seen.samples):
        own = [sample for sample in steady(seen.samples, way) if sample.model_served in (model, None)]
        measured = median(figure, own)
        if measured is not None and len(own) >= FEWEST:
            return f", {number(measured, figure.unit)} by the way {way!r}"
    return ""


def _finding(model: str, figure: Figure, measured: float, known: float, pace: Pace, elsewhere: str) -> Finding:
    name = "rate" if figure is RATE else "first_token"
    evidence = f"{number(measured, figure.unit)} measured, {number(known, figure.unit)} published{elsewhere}"
    if pace is Pace.RIGHT:
        what = f"configured right: the {figure.title.lower()} of {model} is within a factor of two of what is published"
        return Finding(f"{name}.right", Weight.FINE, what, evidence)
    if pace is Pace.BURST:
        what = f"answers of {model} seem faster than any model is"
        cure = "something holds answers back and lets them go at once; see what buffers on the way"
        return Finding(f"{name}.burst", Weight.BAD, what, evidence, cure)
    times = max(measured / known, known / measured)
    word = "lower" if figure is RATE else "longer"
    what = f"the {figure.title.lower()} of {model} is {times:.1f} times {word} than published"
    cure = (
        "see the findings below; where none explains it, ask the provider directly with `waferline doctor`, and check "
        "that api_base and the model's id name a shared production endpoint, no preview and no other region"
    )
    return Finding(f"{name}.{pace}", _WEIGHTS[pace], what, evidence, cure)
