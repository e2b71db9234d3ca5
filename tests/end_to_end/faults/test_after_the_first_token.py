"""An answer that breaks after its first token is visibly broken: all that came of it, an error, and no [DONE]."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.end_to_end.asking import ASK, MODEL, numbered, whole
from tests.end_to_end.faults.seen import BROKE, FALLBACK, PRIMARY, Providers, at_rest, attempts, counted, told
from tests.support.gateway import Gateway

SENT = 20


@dataclass(frozen=True)
class Case:
    fault: str
    called: str  # in the log
    knobs: dict[str, Any] = field(default_factory=dict)
    model: str = MODEL
    words: tuple[int, int] = (SENT, SENT)  # at least and at most


CASES = [
    Case("stall", "stall", model="hasty"),
    Case("chatter", "stall", model="hasty"),
    Case("stall_cut", "cut", {"pause_seconds": 0.05}),
    Case("reset", "cut", words=(1, SENT)),  # what is on its way when a connection is reset may be thrown away
    Case("cut_chunked", "cut"),
    Case("cut", "no_finish"),
    Case("no_finish_but_done", "no_finish", words=(60, 60)),
    Case("malformed", "malformed", {"tokens_per_event": 1}),
    Case("error_event", "error_event"),
    Case("flat_error_event", "error_event"),
    Case("error_event", "error_event", {"error_status": 429, "done_after_error": True}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, (case.fault, *case.knobs.values()))))
def test_an_answer_that_breaks_later_is_visibly_broken(waferline: Gateway, providers: Providers, case: Case) -> None:
    primary, fallback = providers
    primary.set(fault=case.fault, after=SENT, **case.knobs)

    stream = whole(waferline, model=case.model)

    least, most = case.words
    assert stream.words == numbered(len(stream.words))
    assert least <= len(stream.words) <= most
    assert (stream.status, {*stream.roles}, stream.finish_reasons, stream.done) == (200, {"assistant"}, ["error"], 0)
    assert stream.chunks[-1]["error"]["code"] == "stream_interrupted"
    assert stream.headers["x-waferline-deployment"] == PRIMARY

    assert (len(primary.chats()), fallback.chats()) == (1, [])
    at_rest(primary)

    line = waferline.event_of(stream.request_id)
    assert line["outcome"] == "broken"
    assert attempts(line) == [(PRIMARY, "broken", case.called, 200)]

    assert counted(waferline) == BROKE
    assert told(waferline) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, (case.fault, *case.knobs.values()))))
def test_a_client_that_does_not_stream_is_answered_whole_by_the_fallback(
    waferline: Gateway, providers: Providers, case: Case
) -> None:
    """Nothing was passed on yet, so even a late break need not be seen."""
    primary, fallback = providers
    primary.set(fault=case.fault, after=SENT, **case.knobs)

    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json={**ASK, "model": case.model, "stream": False})

    (choice,) = response.json()["choices"]
    assert (choice["message"]["content"].split(), choice["finish_reason"]) == (numbered(60), "stop")
    assert response.headers["x-waferline-deployment"] == FALLBACK
    assert (len(primary.chats()), len(fallback.chats())) == (1, 1)
    at_rest(primary, fallback)

    line = waferline.event_of(response.headers["x-request-id"])
    assert line["outcome"] == "whole"
    tried = [each[:3] for each in attempts(line)]  # an error event names a status of its own
    assert tried == [(PRIMARY, "broken", case.called), (FALLBACK, "whole", None)]
    assert (counted(waferline), told(waferline)) == (BROKE, [])


def test_an_answer_without_end_is_ended_in_time(waferline: Gateway, providers: Providers) -> None:
    primary, _ = providers
    primary.set(fault="endless", pace=300)

    stream = whole(waferline, model="hasty")

    once = numbered(60)
    assert len(stream.words) > 60
    assert stream.words == (once * (len(stream.words) // 60 + 1))[: len(stream.words)]
    assert (stream.finish_reasons, stream.done) == (["error"], 0)
    at_rest(primary)
    assert [each["ended"] for each in primary.chats()] == ["client_gone"], "it was stopped"
    assert attempts(waferline.event_of(stream.request_id)) == [(PRIMARY, "broken", "total_timeout", 200)]
    assert counted(waferline) == BROKE
