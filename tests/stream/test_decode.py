"""Framing: whatever the line ends and wherever the network cut, the same events come out and no byte is lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugins.stream.decode import Decoder, Event, ProtocolError
from tests.stream.cases import cuts, decode, decode_slowly, sse, streams

LINES = [
    b"",
    b":",
    b": hi",
    b"data",
    b"data:",
    b"data: x",
    b"data:y",
    b"data:  z",
    b"data: \xc3\xa9",
    b"database: no",
    b"odd: data: a",
    b"event: error",
    b"id: 1",
    b"\xef\xbb\xbf",
]
framed = st.lists(
    st.tuples(st.sampled_from(LINES), st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n"])), max_size=10
).map(lambda lines: b"".join(line + end for line, end in lines))


@pytest.mark.parametrize(
    ("raw", "data", "name"),
    [
        (b"data: x\n\n", b"x", None),
        (b"data:x\n\n", b"x", None),
        (b"data:  x\n\n", b" x", None),
        (b"data: x\r\n\r\n", b"x", None),
        (b"data: x\r\r", b"x", None),
        (b"data: x\r\n\n", b"x", None),
        (b"data: x\n\r\n", b"x", None),
        (b"data: a\ndata: b\n\n", b"a\nb", None),
        (b"data: a\r\ndata: b\rdata: c\n\n", b"a\nb\nc", None),
        (b"data:\n\n", b"", None),
        (b"data\n\n", b"", None),
        (b"data: {}\r\ndata: {}\r\n\r\n", b"{}\n{}", None),
        (b": ping\n\n", None, None),
        (b": ping\ndata: x\n\n", b"x", None),
        (b"data: x\n: ping\n\n", b"x", None),
        (b"event: error\ndata: x\n\n", b"x", b"error"),
        (b"event:error\n\n", None, b"error"),
        (b"data: x\nevent: late\n\n", b"x", b"late"),
        (b"id: 1\nretry: 5\n\n", None, None),
        (b"\n\n", None, None),
        (b"\ndata: x\n\n", b"x", None),
        (b"\xef\xbb\xbfdata: x\n\n", b"x", None),
        ("data: é😀\n\n".encode(), "é😀".encode(), None),
        (b"data: a: b\n\n", b"a: b", None),
    ],
)
def test_an_event_is_read_as_the_specification_says(raw: bytes, data: bytes | None, name: bytes | None) -> None:
    assert decode(raw) == [Event(raw, data, name)]


def test_a_byte_order_mark_is_skipped_only_where_the_stream_begins() -> None:
    mark = b"\xef\xbb\xbf"

    assert [event.data for event in decode(mark + b"data: 1\n\n" + mark + b"data: 2\n\n")] == [b"1", None]
    assert [event.data for event in decode(b"data: 1\n\n" + mark + b"data: 2\n\n")] == [b"1", None]


def test_a_usual_chunk_and_an_unusual_one_are_cut_alike() -> None:
    usual = sse(b"1") + sse(b"2")

    assert [event.data for event in decode(usual)] == [b"1", b"2"]
    for unusual in (
        b": c\n\n",
        b"data: a\ndata: b\n\n",
        b"data: a\ndata: b\ndata: c\n\n",
        b"data: a\n\n\n",
        b"\n\n",
        b"event: e\ndata: x\n\n",
        b"x\n\n",
        b"x",
        b"data: a\nd",
    ):
        decoder = Decoder()
        decoder.feed(usual)

        assert decoder.feed(unusual) == decode(unusual)
        assert (
            decoder.feed(b"\n\n" + usual + unusual + usual)
            == decode(b"data: 0\n\n" + unusual + b"\n\n" + usual + unusual + usual)[1 + len(decode(unusual)) :]
        )


def test_usual_events_are_cut_without_the_pattern(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = Decoder()
    decoder.feed(sse(b"first"))
    monkeypatch.setattr(Decoder, "_cut", None)

    assert [event.data for event in decoder.feed(sse(b"1"))] == [b"1"]
    assert [event.data for event in decoder.feed(sse(b"2") + sse(b"3") + b"data: ")] == [b"2", b"3"]
    assert [event.data for event in decoder.feed(b"4\n\n: ping\n\n")] == [b"4", None]


def test_an_event_leaves_as_soon_as_its_last_byte_is_here() -> None:
    for end in (b"\n\n", b"\r\n\r\n", b"\r\r"):
        decoder = Decoder()
        raw = b"data: x" + end

        assert [len(decoder.feed(bytes([byte]))) for byte in raw] == [0] * (len(raw) - 1) + [1]
        assert decoder.close() == b""


def test_a_line_feed_behind_two_carriage_returns_opens_the_next_event() -> None:
    assert decode(b"data: x\r\r\ndata: y\n\n") == [
        Event(b"data: x\r\r", b"x", None),
        Event(b"\ndata: y\n\n", b"y", None),
    ]


def test_closing_hands_back_what_never_became_an_event() -> None:
    decoder = Decoder()

    assert decoder.feed(b"data: 1\n\ndata: 2") == [Event(b"data: 1\n\n", b"1", None)]
    assert decoder.close() == b"data: 2"
    assert decoder.close() == b""


@settings(max_examples=300, deadline=None)
@given(st.data(), st.one_of(framed, streams))
def test_no_cut_changes_the_events(data: st.DataObject, stream: bytes) -> None:
    decoder, in_pieces, usual = Decoder(), Decoder(), Decoder()
    usual.feed(sse(b"first"))

    whole = decoder.feed(stream)
    pieces = [event for piece in data.draw(cuts(stream)) for event in in_pieces.feed(piece)]

    assert pieces == whole
    assert usual.feed(stream) == whole or stream.startswith(b"\xef\xbb\xbf")
    assert usual.close() == decoder._tail
    assert b"".join(event.raw for event in whole) + decoder.close() == stream
    assert in_pieces.close() == stream[sum(len(event.raw) for event in whole) :]


@settings(max_examples=300, deadline=None)
@given(st.one_of(framed, streams))
def test_the_events_are_those_of_the_specification(stream: bytes) -> None:
    stream += b"\ndata: end\n\n"

    assert [(event.name, event.data) for event in decode(stream) if event.data is not None] == decode_slowly(stream)


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_an_event_over_the_bound_is_a_protocol_error_however_it_comes(piece: int) -> None:
    raw = sse(b"x" * 92)
    fits, bursts = Decoder(max_event_bytes=100), Decoder(max_event_bytes=99)

    assert [event.raw for event in feed_in(fits, raw * 3, piece)] == [raw] * 3
    with pytest.raises(ProtocolError, match="more than 99 bytes"):
        feed_in(bursts, sse(b"small") * 9 + raw, piece)


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_an_event_that_never_ends_is_a_protocol_error(piece: int) -> None:
    assert feed_in(Decoder(max_event_bytes=100), b"x" * 100, piece) == []
    with pytest.raises(ProtocolError):
        feed_in(Decoder(max_event_bytes=100), b"x" * 101, piece)
    with pytest.raises(ProtocolError):
        feed_in(Decoder(max_event_bytes=100), sse(b"1") + b"x" * 101, piece)


def test_a_large_event_in_small_chunks_comes_whole() -> None:
    decoder = Decoder()
    raw = sse(b"x" * 2**20)

    assert [event.raw for event in feed_in(decoder, raw, 200)] == [raw]


def feed_in(decoder: Decoder, stream: bytes, piece: int) -> list[Event]:
    return [event for start in range(0, len(stream), piece) for event in decoder.feed(stream[start : start + piece])]
