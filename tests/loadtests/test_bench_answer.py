"""What one answer's bytes and times say."""

from __future__ import annotations

import json

import pytest

from loadtests.bench.answer import read, unchunked

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(delta: dict[str, str], finish: str | None = None, tokens: int | None = None) -> bytes:
    body = {"choices": [{"delta": delta, "finish_reason": finish, "index": 0}]}
    usage = {} if tokens is None else {"usage": {"completion_tokens": tokens}}
    return b"data: %b\n\n" % json.dumps({**body, **usage}).encode()


ROLE = event({"role": "assistant", "content": ""})
THOUGHT = event({"reasoning": "abcd"})
WORDS = event({"content": "efgh"})
LAST = event({}, "stop", 4)
DONE = b"data: [DONE]\n\n"
PARTS = [HEAD + chunk(ROLE), chunk(THOUGHT), chunk(WORDS), chunk(LAST + DONE) + END]
TIMES = [0.1, 0.2, 0.3, 0.4]


def test_the_first_token_is_the_first_text_and_not_the_role() -> None:
    heard = read(PARTS, TIMES, began=1.0, asked_tokens=4)

    assert heard.first_token == 0.2
    assert heard.last_text == 0.3
    assert heard.trouble is None
    assert heard.text == "abcdefgh"


def test_the_rate_leaves_out_what_the_first_delivery_brought() -> None:
    heard = read(PARTS, TIMES, began=0.0, asked_tokens=4)

    assert heard.first_share == 0.5
    assert heard.rate == pytest.approx(2 / 0.1)


def test_gaps_begin_with_the_first_token() -> None:
    heard = read(PARTS, TIMES, began=0.0, asked_tokens=4)

    assert [pytest.approx(0.1)] * 2 == list(heard.gaps)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
def test_wherever_the_bytes_are_cut_the_text_is_the_same(size: int) -> None:
    raw = b"".join(PARTS)
    parts = [raw[at : at + size] for at in range(0, len(raw), size)]
    heard = read(parts, [float(n) for n in range(len(parts))], began=0.0, asked_tokens=4, expected="abcdefgh")

    assert heard.trouble is None
    assert heard.first_token == (raw.index(b"abcd") + len(b'abcd"}, "finish_reason": null, "index": 0}]}') - 1) // size


@pytest.mark.parametrize(
    ("trouble", "parts"),
    [
        ("status 429", [b"HTTP/1.1 429 Too Many\r\ncontent-length: 2\r\n\r\n{}"]),
        ("no finish reason", [HEAD + chunk(WORDS + DONE) + END]),
        ("no [DONE]", [HEAD + chunk(WORDS + LAST) + END]),
        ("3 tokens for 4", [HEAD + chunk(WORDS + event({}, "stop", 3) + DONE) + END]),
        ("another text than direct", [HEAD + chunk(WORDS + LAST + DONE) + END]),
        ("an error within the stream", [HEAD + chunk(b'data: {"error": {"message": "no"}}\n\n') + END]),
    ],
)
def test_an_answer_that_is_not_whole_says_why(trouble: str, parts: list[bytes]) -> None:
    heard = read(parts, [0.1], began=0.0, asked_tokens=4, expected="abcdefgh")

    assert trouble == heard.trouble


def test_an_answer_that_the_bench_cut_off_counts_by_its_share_of_the_text() -> None:
    heard = read(PARTS[:2], TIMES[:2], began=0.0, asked_tokens=4, expected="abcdefgh", cut_by_us=True)

    assert heard.tokens == 2
    assert heard.trouble is None


def test_a_body_without_its_chunks_knows_where_each_byte_came_from() -> None:
    raw = chunk(b"abc") + chunk(b"defg") + END
    body = unchunked(raw, 0)

    assert body.data == b"abcdefg"
    assert bytes(raw[body.place(at)] for at in range(7)) == b"abcdefg"


def test_a_chunk_that_was_cut_keeps_what_came_of_it() -> None:
    assert unchunked(b"a\r\nabc", 0).data == b"abc"


def test_nothing_at_all_is_no_answer() -> None:
    heard = read([], [], began=0.0, asked_tokens=4, trouble="the connection was lost")

    assert heard.first_token is None
    assert heard.trouble == "the connection was lost"
