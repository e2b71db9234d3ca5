"""A target that has said for how long it cannot be called is left alone for so long, and nobody is told its reasons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from tests.end_to_end.asking import ASK, Stream, numbered, whole
from tests.end_to_end.faults.seen import FALLBACK, PRIMARY, Providers, told
from tests.support.gateway import Gateway

TOKENS, REQUESTS, QUEUE = "429_tokens", "429_requests", "429_queue"
WAITS: list[tuple[dict[str, Any], float, float]] = [
    ({"fault": TOKENS, "retry_after": "7", "rate_headers": False}, 6.5, 8.4),
    ({"fault": TOKENS, "retry_after": "7", "reset": "11.382867097854614"}, 10.9, 13.7),
    ({"fault": TOKENS, "retry_after": "date"}, 18.0, 24.1),
    ({"fault": TOKENS, "reset": "11.382867097854614"}, 10.9, 13.7),
    ({"fault": TOKENS, "reset": "1e9"}, 59.0, 72.0),
    ({"fault": TOKENS, "reset": "-4"}, 0.5, 1.2),
    ({"fault": TOKENS, "reset": "soon"}, 0.5, 1.2),
    ({"fault": REQUESTS, "reset": "9.5"}, 9.0, 11.4),
    ({"fault": TOKENS, "retry_after": "1000000000"}, 59.0, 72.0),
    ({"fault": QUEUE, "retry_after": "4"}, 3.5, 4.8),
    ({"fault": QUEUE, "retry_after": "soon"}, 0.5, 1.2),
    ({"fault": QUEUE, "retry_after": "-5"}, 0.5, 1.2),
    ({"fault": QUEUE}, 0.5, 1.2),
    ({"fault": "error_event", "after": 0, "error_status": 429}, 0.5, 1.2),
]


def served_by_fallback(stream: Stream) -> bool:
    return stream.words == numbered(60) and stream.headers["x-waferline-deployment"] == FALLBACK


@pytest.mark.parametrize(("knobs", "least", "most"), WAITS, ids=lambda value: str(value)[:60])
def test_a_429_is_no_failure_and_is_left_alone_for_what_it_says(
    waferline: Gateway, providers: Providers, knobs: dict[str, Any], least: float, most: float
) -> None:
    primary, _ = providers
    if knobs.get("retry_after") == "date":
        knobs = {**knobs, "retry_after": format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)}
    primary.set(**knobs)

    first = whole(waferline)
    seen = next(row for row in waferline.circuits() if row["target"] == PRIMARY)
    second = whole(waferline)

    assert served_by_fallback(first)
    assert served_by_fallback(second)
    assert len(primary.chats()) == 1
    assert (seen["state"], seen["rejects"], seen["failures"]) == ("closed", "capacity", 0)
    assert least <= seen["seconds"] <= most
    (gated,) = told(waferline)
    assert (gated["event"], gated["seconds"] >= seen["seconds"]) == ("circuit.gated", True)
    line = waferline.event_of(second.request_id)
    assert [(each["deployment"], each["why"]) for each in line["skipped"]] == [(PRIMARY, "capacity")]


@pytest.mark.parametrize("fault", ["401", "402", "403", "404"])
def test_a_mistake_of_ours_raises_one_alert_and_no_client_sees_it(
    waferline: Gateway, providers: Providers, fault: str
) -> None:
    primary, _ = providers
    primary.set(fault=fault)

    assert all(served_by_fallback(whole(waferline)) for _ in range(3))

    assert len(primary.chats()) == 1
    (alert,) = told(waferline)
    assert (alert["event"], alert["alert"], alert["seconds"]) == ("circuit.misconfigured", True, 60)
    assert alert["why"].startswith(fault)


def test_when_every_target_is_at_its_limit_the_client_hears_when_to_come_back(
    waferline: Gateway, providers: Providers
) -> None:
    primary, fallback = providers
    primary.set(fault=TOKENS, retry_after="9")
    fallback.set(fault=TOKENS, retry_after="5")

    with waferline.client() as client:
        first, second = (client.post("/v1/chat/completions", json=ASK) for _ in range(2))

    assert (len(primary.chats()), len(fallback.chats())) == (1, 1)
    for response in (first, second):
        assert (response.status_code, response.json()["error"]["code"]) == (429, "rate_limit_exceeded")
        assert 4 <= int(response.headers["retry-after"]) <= 6, "what the nearer of the two says, with a little jitter"
    line = waferline.event_of(second.headers["x-request-id"])
    assert (line["attempts"], line["outcome"], line["status"]) == ([], "failed", 429)
    assert [each["why"] for each in line["skipped"]] == ["capacity", "capacity"]
