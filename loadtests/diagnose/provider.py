"""What the provider says no to, or lets wait: limits, queues, models that are not the one meant. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from loadtests.diagnose.finding import Finding, Seen, Weight, of_all, part
from loadtests.diagnose.speed import FEWEST, by_model, median
from loadtests.figures.figure import RATE
from loadtests.record.sample import Outcome
from loadtests.verdict.promise import by_fallback
from loadtests.verdict.words import number

_MODEL_CODES = ("model_retired", "model_not_found", "model_blocked", "model_not_allowed", "target_not_configured")


def rate_limits(seen: Seen) -> Iterator[Finding]:
    limited = seen.having(Outcome.LIMITED)
    if not limited:
        return
    waits = sorted(each.retry_after for each in limited if each.retry_after is not None)
    told = f"; Retry-After was {waits[len(waits) // 2]:g} s at the median" if waits else "; no Retry-After was told"
    weight = Weight.BAD if part(len(limited), len(seen.counted)) >= 0.05 else Weight.WARN
    cure = (
        "send less, lower max_completion_tokens (it is reserved from the token budget), or have the limit raised; "
        "policies/models.yaml has the limits of each model by tier"
    )
    evidence = f"{of_all(len(limited), len(seen.counted))} requests got 429{told}"
    yield Finding("rate_limits", weight, "the load is beyond a rate limit", evidence, cure)


def queueing(seen: Seen) -> Iterator[Finding]:
    told = [each for each in seen.answered if each.queue_seconds is not None and each.ttft]
    if len(told) < FEWEST:
        return
    queued = sorted(each.queue_seconds or 0.0 for each in told)[len(told) // 2]
    firsts = sorted(each.ttft or 0.0 for each in told)[len(told) // 2]
    if queued < 0.05 or queued < 0.3 * firsts:
        return
    cure = "nothing here makes that shorter: spread the load, or ask the provider for priority or a dedicated endpoint"
    evidence = f"its time_info says {queued * 1000:.0f} ms in the queue, of {firsts * 1000:.0f} ms to the first token"
    yield Finding("queueing", Weight.WARN, "the provider lets requests wait in its queue", evidence, cure)


def another_model(seen: Seen) -> Iterator[Finding]:
    wrong = seen.having(Outcome.WRONG_MODEL)
    if wrong:
        served = Counter(each.model_served or "one without a name" for each in wrong)
        cure = "check `model` and `api_base` of the deployment in litellm_config.yaml"
        evidence = f"{of_all(len(wrong), len(seen.counted))} answers came from {_listed(served)}"
        yield Finding("another_model", Weight.BAD, "another model answers than the one asked for", evidence, cure)
    unknown = [model for model in by_model(seen.answered) if seen.facts.at("references", model) is None]
    if unknown and seen.facts.at("references"):
        cure = "a preview, a dedicated model or a misspelt id has no published speed to be held against"
        count = sum(each.model_served in unknown for each in seen.answered)
        evidence = f"{of_all(count, len(seen.answered))} answers came from {', '.join(unknown)}"
        yield Finding("unknown_model", Weight.NOTE, "policies/models.yaml knows no figures of a model", evidence, cure)


def refusals(seen: Seen) -> Iterator[Finding]:
    refused = [each for each in seen.counted if each.outcome in (Outcome.REFUSED, Outcome.FAILED) and each.error]
    codes = Counter(each.error or "" for each in refused)
    gone = sum(count for code, count in codes.items() if code in _MODEL_CODES)
    if gone:
        cure = "`waferline explain --model NAME` says which model to ask for instead, and why"
        evidence = f"{of_all(gone, len(seen.counted))} requests: {_listed(codes)}"
        yield Finding("model_refused", Weight.BAD, "the model asked for is not served", evidence, cure)
    wrong_key = [each for each in seen.counted if each.status in (401, 403) and each.error not in _MODEL_CODES]
    if wrong_key:
        cure = "set the key the load is sent with; `waferline key new NAME` makes one"
        evidence = f"{of_all(len(wrong_key), len(seen.counted))} requests got {wrong_key[0].status}"
        yield Finding("key_refused", Weight.BAD, "the key is not accepted", evidence, cure)


def fallbacks(seen: Seen) -> Iterator[Finding]:
    told = [(each, by_fallback(each, seen.facts.primaries)) for each in seen.answered]
    known = [(each, fell) for each, fell in told if fell is not None]
    fell = [each for each, is_fallback in known if is_fallback]
    if len(fell) < 3 or part(len(fell), len(known)) < 0.05:
        return
    first, other = median(RATE, [each for each, is_fallback in known if not is_fallback]), median(RATE, fell)
    speeds = f", at {number(other, 'tokens/s')}" if other else ""
    speeds += f" where a first target has {number(first, 'tokens/s')}" if other and first else ""
    cure = "`waferline circuit list` says which target is left alone, and the log's `attempts` say why"
    evidence = f"{of_all(len(fell), len(known))} answers came from a fallback{speeds}"
    if seen.faults:
        yield Finding("fallbacks", Weight.NOTE, "a fallback serves, as it should while faults are put in", evidence)
    else:
        yield Finding("fallbacks", Weight.WARN, "a fallback serves", evidence, cure)


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in counts.most_common(3))
