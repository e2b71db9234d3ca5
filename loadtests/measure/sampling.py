"""One exchange as a Sample. Pure. Its times are the clock's, and its stage is not known yet: `record` moves them."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from loadtests.measure.outcome import Exchange, classify
from loadtests.measure.reply import Reply
from loadtests.record.sample import Phase, Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What one request asked for, as far as its answer is judged by it."""

    id: str  # ours
    way: str
    workload: str
    model: str  # as it stands in the body
    streamed: bool
    most_tokens: int | None
    expected_models: Collection[str]  # none: what the answer says it resolved, or what was asked for


def sample_of(ask: Ask, intended: float, reply: Reply, late: float = 0.0) -> Sample:
    """`late` is by how many seconds we ourselves were late meanwhile."""
    heard, headers = reply.heard, reply.headers
    exchange = Exchange(
        status=reply.status,
        trouble=reply.trouble,
        code=reply.code,
        seconds=reply.end - reply.sent,
        late=late,
        streamed=ask.streamed,
        most_tokens=ask.most_tokens,
        expected_models=ask.expected_models or (headers.get("x-waferline-model-served", ask.model),),
    )
    outcome, error = classify(exchange, heard)
    estimated = heard.completion_tokens is None and heard.events > 0
    return Sample(
        id=headers.get("x-request-id", ask.id),
        stage="",
        phase=Phase.RAMP,
        way=ask.way,
        workload=ask.workload,
        outcome=outcome,
        intended=intended,
        sent=reply.sent,
        end=reply.end,
        status=reply.status,
        error=error,
        headers=reply.headers_at,
        role=heard.role,
        first=heard.first,
        last=heard.last,
        gap=heard.gap,
        deliveries=heard.deliveries,
        events=heard.events,
        first_events=heard.first_events,
        octets=heard.octets,
        prompt_tokens=heard.prompt_tokens,
        completion_tokens=heard.events if estimated else heard.completion_tokens,
        estimated=estimated,
        finish=heard.finish,
        model_served=heard.model,
        target=headers.get("x-waferline-deployment"),
        lane=headers.get("x-waferline-lane"),
        attempts=_whole_number(headers.get("x-waferline-attempts")),
        reused=reply.reused,
        retry_after=_number(headers.get("retry-after")),
        queue_seconds=heard.queue_seconds,
        numbers_hold=heard.numbers_hold,
    )


def _number(text: str | None) -> float | None:
    with suppress(TypeError, ValueError):
        return float(text or "")
    return None


def _whole_number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None
