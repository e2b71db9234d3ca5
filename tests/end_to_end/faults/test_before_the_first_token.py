"""A failure before the first token shows in nothing but time: the fallback answers, and the client sees one answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.end_to_end.asking import MODEL, numbered, whole
from tests.end_to_end.faults.seen import (
    CAPACITY,
    FAILED,
    MISCONFIGURED,
    Providers,
    at_rest,
    attempts,
    counted,
    told,
)
from tests.support.gateway import Gateway


@dataclass(frozen=True)
class Case:
    name: str
    fault: str  # as the log calls it
    counted: dict[str, Any]
    knobs: dict[str, Any] = field(default_factory=dict)
    status: int | None = None
    model: str = MODEL
    calls: tuple[int, ...] = (1,)
    events: tuple[str, ...] = ()


def refused(fault: str, counted: dict[str, Any], *events: str, **knobs: Any) -> Case:
    name = "-".join(map(str, (fault, *knobs.values())))
    return Case(name, "http_status", counted, {"fault": fault, **knobs}, int(fault[:3]), events=events)


def within(name: str, fault: str, status: int | None = 200, **knobs: Any) -> Case:
    """A stream that began and held no token."""
    return Case(name, fault, FAILED, {"fault": name, "after": 0, **knobs}, status)


def late(name: str, status: int | None, **knobs: Any) -> Case:
    return Case(name, "first_token_timeout", FAILED, knobs, status, model="hasty")


def nowhere(model: str, fault: str, counted: dict[str, Any], *events: str) -> Case:
    return Case(model, fault, counted, model=model, calls=(0,), events=events)


# A reset without a word may be a connection that was closed while it waited, so it is tried once more.
RESET = (1, 2)

CASES = [
    nowhere("refused", "connect", FAILED),
    nowhere("unresolved", "dns", FAILED),
    nowhere("untrusted", "tls", MISCONFIGURED, "circuit.misconfigured"),
    Case("refuse", "cut", FAILED, {"fault": "refuse"}, calls=RESET),
    Case("reset_before_headers", "cut", FAILED, {"fault": "reset_before_headers"}, calls=RESET),
    Case("close_before_headers", "cut", FAILED, {"fault": "close_before_headers"}, calls=RESET),
    late("hang", None, fault="hang"),
    late("hang_after_headers", 200, fault="hang_after_headers"),
    late("headers and a late first token", 200, headers_after=0, first_token=5),
    late("role_only", 200, fault="role_only"),
    late("comments and roles without end", 200, fault="chatter"),
    refused("429_tokens", CAPACITY, "circuit.gated", retry_after="3"),
    refused("429_requests", CAPACITY, "circuit.gated"),
    refused("429_queue", CAPACITY, "circuit.gated"),
    refused("408", FAILED),
    refused("500", FAILED),
    refused("502", FAILED),
    refused("503", FAILED),
    refused("504", FAILED),
    refused("401", MISCONFIGURED, "circuit.misconfigured"),
    refused("402", MISCONFIGURED, "circuit.misconfigured"),
    refused("403", MISCONFIGURED, "circuit.misconfigured"),
    refused("404", MISCONFIGURED, "circuit.misconfigured"),
    within("error_event", "error_event", 503),
    within("flat_error_event", "error_event", 502),
    Case(
        "an error event that means 429",
        "error_event",
        CAPACITY,
        {"fault": "error_event", "error_status": 429},
        429,
        events=("circuit.gated",),
    ),
    Case(
        "an error event that means 401",
        "error_event",
        MISCONFIGURED,
        {"fault": "error_event", "error_status": 401},
        401,
        events=("circuit.misconfigured",),
    ),
    within("reset", "cut"),
    within("cut_chunked", "cut"),
    within("cut", "no_finish"),
    within("malformed", "malformed"),
    within("ignore_stream", "not_a_stream"),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "_"))
def test_a_failure_before_the_first_token_leaves_no_trace_in_the_stream(
    waferline: Gateway, providers: Providers, case: Case
) -> None:
    primary, fallback = providers
    served = MODEL if case.model == "hasty" else case.model
    first, second = f"cerebras/{served}", f"fallback/{served}"
    primary.set(**case.knobs)

    stream = whole(waferline, model=case.model)

    assert stream.words == numbered(60)
    assert (stream.roles, stream.finish_reasons, stream.done) == (["assistant"], ["stop"], 1)
    assert len({chunk["id"] for chunk in stream.chunks}) == 1
    assert (stream.headers["x-waferline-deployment"], stream.headers["x-waferline-attempts"]) == (second, "2")
    assert "retry-after" not in stream.headers

    assert len(primary.chats()) in case.calls
    assert [each["ended"] for each in fallback.chats()] == ["whole"]
    at_rest(primary, fallback)

    line = waferline.event_of(stream.request_id)
    assert (line["outcome"], line["status"], line["skipped"]) == ("whole", 200, [])
    assert attempts(line) == [(first, "failed", case.fault, case.status), (second, "whole", None, 200)]

    assert counted(waferline, first) == case.counted
    events = told(waferline, first)
    assert tuple(event["event"] for event in events) == case.events
    assert [event.get("alert", False) for event in events] == ["misconfigured" in name for name in case.events]
