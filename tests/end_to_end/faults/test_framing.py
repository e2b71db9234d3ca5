"""However an answer is framed, as long as it is legal it is whole, and arrives to the letter."""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end.asking import Stream, numbered, whole
from tests.end_to_end.faults.seen import PRIMARY, SPOKE, Providers, attempts, counted
from tests.support.gateway import Gateway

FRAMINGS: list[dict[str, Any]] = [
    {"fault": "no_done"},
    {"fault": "junk_after_done"},
    {"fault": "crlf"},
    {"fault": "comments"},
    {"fault": "multi_line"},
    {"fault": "buffered"},
    {"fault": "no_usage"},
    {"segment": "event"},
]


@pytest.mark.parametrize("knobs", FRAMINGS, ids=lambda knobs: str(*knobs.values()))
def test_an_answer_with_a_finish_reason_is_whole_however_it_was_framed(
    waferline: Gateway, providers: Providers, knobs: dict[str, Any]
) -> None:
    providers[0].set(**knobs)

    stream = whole(waferline)

    assert stream.words == numbered(60)
    is_whole(waferline, stream)


def test_characters_that_come_in_halves_are_put_together(waferline: Gateway, providers: Providers) -> None:
    primary, _ = providers
    primary.set(text="unicode")
    direct = whole(waferline).text
    primary.set(text="unicode", fault="split_utf8", write_every=0.001)

    stream = whole(waferline)

    assert not direct.isascii()
    assert stream.text == direct
    is_whole(waferline, stream, calls=2)


def test_an_event_of_two_megabytes_is_an_event(waferline: Gateway, providers: Providers) -> None:
    providers[0].set(fault="huge", after=4)

    stream = whole(waferline)

    assert stream.text.count("x") == 2 * 2**20
    assert stream.text.replace("x", "").split() == numbered(60)
    is_whole(waferline, stream)


def is_whole(waferline: Gateway, stream: Stream, calls: int = 1) -> None:
    assert (stream.roles, stream.finish_reasons, stream.done) == (["assistant"], ["stop"], 1)
    assert stream.data[-1] == "[DONE]"
    line = waferline.event_of(stream.request_id)
    assert (line["outcome"], attempts(line)) == ("whole", [(PRIMARY, "whole", None, 200)])
    assert counted(waferline) == {**SPOKE, "calls": calls}
