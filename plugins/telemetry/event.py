"""The one line a finished request leaves: who asked for what, who served it, and the numbers. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plugins.stream.watch import Watch
from plugins.telemetry.record import Attempt, Outcome, Record, Skipped


def finished(record: Record, now: float, wall: str) -> dict[str, Any]:
    serving = record.serving
    decision = record.decision
    watch = serving.watch if serving else record.delivered
    first_token = _first_token(record)
    usage = watch.usage or record.delivered.usage or record.usage or {}
    return {
        "event": "request.finished",
        "time": wall,
        "request_id": record.request_id,
        "client": record.client,
        "path": record.path,
        "model_asked": decision.ask.model if decision else None,
        "workload": decision.route.workload if decision else None,
        "model_served": serving.target.model if serving and _gave_something(serving) else None,
        "deployment": serving.target.deployment if serving else None,
        "upstream_model": watch.model or (serving.target.upstream_model if serving else None),
        "lane": str(record.lane) if record.lane else None,
        "stream": record.stream,
        "stream_mode": str(decision.stream_mode) if decision else None,
        "attempts": [_attempt(each) for each in record.attempts],
        "skipped": [_skipped(each) for each in record.skipped],
        "outcome": str(record.outcome),
        "status": record.status,
        "code": record.refusal.code if record.refusal else None,
        "rule": record.refusal.rule if record.refusal else None,
        "ttft_ms": _ms(record.started, first_token),
        "total_ms": _ms(record.started, now),
        "gateway_ttft_ms": _gateway_share(record, first_token),
        "tokens_per_s": tokens_per_second(watch, usage),
        "prompt_tokens": usage.get("prompt_tokens"),
        "completion_tokens": usage.get("completion_tokens"),
        "reasoning_tokens": _detail(usage, "completion_tokens_details", "reasoning_tokens"),
        "cached_tokens": _detail(usage, "prompt_tokens_details", "cached_tokens"),
        "time_info": watch.time_info,
        "policies": record.policies.version,
    }


def _gave_something(attempt: Attempt) -> bool:
    return attempt.watch.first_token_at is not None or attempt.outcome is Outcome.WHOLE


def _detail(usage: dict[str, Any], group: str, name: str) -> Any:
    """Providers write this, so it may be anything."""
    details = usage.get(group)
    return details.get(name) if isinstance(details, dict) else None


def _first_token(record: Record) -> float | None:
    """When the client had it, or, where the client waits for the whole answer, when we had it."""
    if record.delivered.first_token_at is not None:
        return record.delivered.first_token_at
    return record.serving.watch.first_token_at if record.serving else None


def _gateway_share(record: Record, first_token: float | None) -> float | None:
    """The first-token time less all the time spent waiting for providers."""
    serving = record.serving
    if first_token is None or serving is None or serving.watch.first_token_at is None:
        return None
    waited = _waited(record.attempts, serving.watch.first_token_at)
    return round((first_token - record.started - waited) * 1000, 2)


def _waited(attempts: Sequence[Attempt], until: float) -> float:
    """While at least one attempt was under way: in a race there are two at once."""
    waited, covered = 0.0, 0.0
    for each in attempts:
        begun, ended = max(each.started, covered), min(each.ended or until, until)
        waited += max(ended - begun, 0.0)
        covered = max(covered, ended)
    return waited


def tokens_per_second(watch: Watch, usage: dict[str, Any]) -> float | None:
    """Over the streamed output: the first token starts the clock, so it does not count."""
    tokens, first, last = usage.get("completion_tokens"), watch.first_token_at, watch.last_token_at
    if not isinstance(tokens, int) or tokens < 2 or first is None or last is None or last <= first:
        return None
    return round((tokens - 1) / (last - first), 1)


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "deployment": attempt.target.deployment,
        "outcome": str(attempt.outcome),
        "fault": str(attempt.fault) if attempt.fault else None,
        "hedge": attempt.is_hedge,
        "dripped": attempt.dripped,
        "status": attempt.status,
        "code": attempt.error.code if attempt.error else None,
        "ttft_ms": _ms(attempt.started, attempt.watch.first_token_at),
        "ms": _ms(attempt.started, attempt.ended),
    }


def _skipped(skipped: Skipped) -> dict[str, Any]:
    seconds = None if skipped.seconds is None else round(skipped.seconds, 3)
    return {"deployment": skipped.target.deployment, "why": skipped.why, "seconds": seconds}


def _ms(start: float, end: float | None) -> float | None:
    return None if end is None else round((end - start) * 1000, 2)
