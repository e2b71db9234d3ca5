"""Whatever way the network cuts an answer, what was heard is the same."""

from __future__ import annotations

import pytest
from hypothesis import given

from loadtests.measure.reader import Heard, Reader, read_whole
from tests.loadtests.measure.streams import USAGE, Naive, chunk, cut_streams, event, stream


def heard(*pieces: bytes) -> Heard:
    reader = Reader()
    for at, piece in enumerate(pieces):
        reader.feed(piece, float(at))
    return reader.close()


def numbered(*words: int) -> list[str]:
    return [f"w{word:04d} " for word in words]


@given(cut_streams())
def test_any_cut_of_the_bytes_is_heard_as_the_slowest_reader_hears_it(pieces: list[bytes]) -> None:
    slow = Naive(pieces)
    quick = heard(*pieces)

    assert (quick.events, quick.deliveries, quick.first_events) == (slow.events, slow.deliveries, slow.first_events)
    assert (quick.role, quick.first, quick.last, quick.gap) == (slow.role, slow.first, slow.last, slow.gap)
    assert (quick.finish, quick.done, quick.completion_tokens) == (slow.finish, slow.done, slow.told)
    assert quick.octets == sum(map(len, pieces))


def text(word: str) -> bytes:
    return event(chunk({"content": word})).encode()


@pytest.mark.parametrize(
    ("pieces", "tokens"),
    [
        ([text("a"), text("b") + text("c") + text("d")], 4),
        ([text("a"), text("b") + text("") + text("d")], 3),  # nothing was said
        ([text("a"), text("b") + event(chunk({"contend": "c"})).encode() + text("d")], 3),  # nobody knows what
        ([text("a"), text("b") + text('","role":"x') + text("d")], 4),
        ([text("a"), b": a comment ", text("b") + text("c")], 2),  # its line goes on with b
    ],
)
def test_a_delivery_that_looks_alike_from_its_ends_is_looked_into(pieces: list[bytes], tokens: int) -> None:
    assert tokens == heard(*pieces).events


def test_a_role_is_no_first_token() -> None:
    answer = heard(event(chunk({"role": "assistant", "content": ""})).encode(), text("Hi"))

    assert (answer.role, answer.first) == (0.0, 1.0)


def test_an_error_within_the_stream_is_told_by_its_code() -> None:
    error = event('{"error": {"message": "no", "code": "queue_exceeded"}}').encode()
    answer = heard(event(chunk({"content": "Hi"})).encode(), error)

    assert (answer.error, answer.whole) == ("queue_exceeded", False)


def test_an_answer_without_its_finish_reason_is_not_whole() -> None:
    assert heard(stream("a", "b")).whole
    assert not heard(stream("a", "b", finish=None)).whole


def test_every_word_of_a_simulated_answer_is_looked_for() -> None:
    thought = event(chunk({"reasoning": "Hm, w0001 "})).encode()
    told = {**USAGE, "completion_tokens": 3}
    first, last = stream(*numbered(1, 2, 3), usage=told)[:180], stream(*numbered(1, 2, 3), usage=told)[180:]

    assert heard(first, last).numbers_hold is True
    assert heard(stream(*numbered(1, 3, 4), usage=told)).numbers_hold is False
    assert heard(stream(*numbered(2, 1, 3), usage=told)).numbers_hold is False
    assert heard(stream(*numbered(1, 2, 2), usage=told)).numbers_hold is False
    assert heard(stream(*numbered(1, 2), usage=told)).numbers_hold is False  # three were told
    assert heard(stream("w0001 w0002 w0003 ", usage=told)).numbers_hold is True
    assert heard(thought, stream("And so on")).numbers_hold is None
    assert heard(stream("So it is.", "w0002 ")).numbers_hold is None


def test_an_answer_in_one_piece_came_with_its_last_byte() -> None:
    body = (
        b'{"model":"m","choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}],"usage":{"completion_tokens":3}}'
    )
    answer = read_whole(body, 2.0)

    assert (answer.first, answer.last, answer.completion_tokens, answer.whole) == (2.0, 2.0, 3, True)
    assert read_whole(b"<html>", 2.0) == Heard(role=2.0, octets=6, done=True)
