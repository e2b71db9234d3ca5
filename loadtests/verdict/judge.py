"""Judging a run: each promise to each workload, by the steady part of what the target answered. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from loadtests.figures.chance import share_between
from loadtests.figures.facts import Facts
from loadtests.figures.figure import GAP, RATE, TARGET, steady, values
from loadtests.figures.proof import Answer, Proof, more_needed, prove
from loadtests.figures.quantiles import between, quantile
from loadtests.record.folder import Run
from loadtests.record.sample import Outcome, Sample
from loadtests.verdict.promise import Promise, promises
from loadtests.verdict.result import Result, Verdict
from plugins.policy.slo import SloFile


def judge(run: Run, slo: SloFile, stages: frozenset[str] | None = None) -> Verdict:
    """By the steady part of these stages, or of all. What is silently cut is one too many in any."""
    facts = Facts(run.info)
    targeted = [sample for sample in run.samples if sample.way == TARGET]
    counted = [sample for sample in steady(targeted) if stages is None or sample.stage in stages]
    results = judge_samples(counted, targeted, slo, facts)
    return Verdict(
        results=tuple(results),
        void=facts.bottleneck or _nothing_to_judge(counted, results),
        must_prove=facts.must_prove,
        confidence=slo.confidence,
        requests=len(counted),
    )


def _nothing_to_judge(counted: Sequence[Sample], results: Sequence[Result]) -> str | None:
    if not counted:
        return "no request began while a stage was steady"
    return None if results else "nothing is promised of what was asked for"


def judge_samples(counted: Sequence[Sample], all_of_them: Sequence[Sample], slo: SloFile, facts: Facts) -> list[Result]:
    found = []
    for workload in sorted({sample.workload for sample in all_of_them}):
        own = [sample for sample in counted if sample.workload == workload]
        whole_run = [sample for sample in all_of_them if sample.workload == workload]
        for promise in promises(slo.levels(workload), facts.primaries):
            samples = whole_run if promise.everywhere else own
            result = _judge(workload, promise, samples, slo.confidence, facts.must_prove)
            if result.counted or not _is_idle(promise, own):
                found.append(result)
    return found


def _is_idle(promise: Promise, samples: Sequence[Sample]) -> bool:
    """A promise that nothing could be counted for, and not for want of answers: nobody told who served, or no answer
    was streamed, or long enough to have a speed."""
    answers = any(sample.outcome is Outcome.WHOLE for sample in samples)
    return answers and (promise.name == "fallback_share" or promise.figure in (RATE, GAP))


def _judge(workload: str, promise: Promise, samples: Sequence[Sample], confidence: float, must_prove: bool) -> Result:
    beyond = [each for each in map(promise.beyond, samples) if each is not None]
    over, counted = sum(beyond), len(beyond)
    proof = prove(over, counted, promise.allowed, confidence)
    if not must_prove and promise.figure is None and not promise.at_least:
        proof = _as_seen(proof, over, counted, promise.allowed)
    value, low, high = _measured(promise, samples, over, counted, confidence)
    unproven = proof.answer is Answer.UNPROVEN
    return Result(
        workload=workload,
        name=promise.name,
        title=promise.title,
        unit=promise.unit,
        at_least=promise.at_least,
        limit=promise.limit,
        value=value,
        low=low,
        high=high,
        answer=proof.answer,
        sure=proof.sure,
        counted=counted,
        over=over,
        allowed=promise.allowed,
        more=more_needed(over, counted, promise.allowed, confidence) if unproven else 0,
    )


def _as_seen(proof: Proof, over: int, counted: int, allowed: float) -> Proof:
    """A few requests prove no share. But an error is one, however busy the machine was: where nothing must be proven,
    more of them than promised are a miss all the same."""
    return Proof(Answer.MISSED, proof.sure) if counted and over / counted > allowed else proof


def _measured(
    promise: Promise, samples: Sequence[Sample], over: int, counted: int, confidence: float
) -> tuple[float | None, float | None, float | None]:
    if promise.figure is None:
        if not counted:
            return None, None, None
        low, high = share_between(over, counted, confidence)
        seen = over / counted
        return (1 - seen, 1 - high, 1 - low) if promise.at_least else (seen, low, high)
    ordered = values(promise.figure, samples)
    bounds = between(ordered, promise.share, confidence)
    return quantile(ordered, promise.share), *(bounds or (None, None))
