"""Faults as a client sees them on a raw socket."""

import json
import socket
from itertools import pairwise
from typing import Any

import pytest

from tests.simulator.asking import chat, numbered, plain, words
from tests.simulator.processes import Running, running
from tests.simulator.raw import Heard, get, listen, post

SHORT = 0.15  # of silence, where silence is what is awaited


def heard(
    provider: Running, fault: str, silence: float = 5.0, body: dict[str, Any] | None = None, **more: Any
) -> Heard:
    return post(provider.port, body or chat(), numbered(fault, **more), silence)


def test_a_healthy_stream_is_whole_counts_its_words_and_ends_with_one_done(cerebras: Running) -> None:
    answer = heard(cerebras, "none")

    assert (answer.status, answer.end) == (200, "whole")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.text == words(60)
    assert answer.events.count("[DONE]") == 1
    assert answer.events[-1] == "[DONE]"
    assert answer.headers["inference-id"] == answer.events[0]["id"]


@pytest.mark.parametrize("fault", ["refuse", "reset_before_headers"])
def test_a_connection_is_reset_before_headers(cerebras: Running, fault: str) -> None:
    assert (heard(cerebras, fault).data, heard(cerebras, fault).end) == (b"", "reset")


def test_a_port_that_refuses_refuses_everything() -> None:
    with running("cerebras", fault="refuse") as provider:
        assert [get(provider.port, path).end for path in ("/v1/tcp_warming", "/v1/models")] == ["reset"] * 2
        assert get(provider.port, "/simulator/stats").status == 200


def test_a_connection_is_closed_before_headers(cerebras: Running) -> None:
    assert (heard(cerebras, "close_before_headers").data, heard(cerebras, "close_before_headers").end) == (
        b"",
        "closed",
    )


@pytest.mark.parametrize("body", [chat(), plain()], ids=["stream", "plain"])
def test_a_hanging_provider_sends_nothing_or_headers_only(cerebras: Running, body: dict[str, Any]) -> None:
    silent, headed = heard(cerebras, "hang", SHORT, body), heard(cerebras, "hang_after_headers", SHORT, body)

    assert (silent.data, silent.end) == (b"", "silence")
    assert (headed.status, headed.body, headed.end) == (200, b"", "silence")


def test_a_hang_with_an_end_is_only_late(cerebras: Running) -> None:
    assert heard(cerebras, "hang", pause_seconds=0.05).text == words(60)


def test_a_role_is_all_that_comes(cerebras: Running) -> None:
    answer = heard(cerebras, "role_only", SHORT)

    assert (answer.deltas, answer.end) == ([{"role": "assistant"}], "silence")


STATUSES = [
    ("400", 400, "wrong_api_format"),
    ("400_context", 400, "context_length_exceeded"),
    ("400_content_filter", 400, "content_filter"),
    ("401", 401, "wrong_api_key"),
    ("402", 402, "payment_required"),
    ("404", 404, "model_not_found"),
    ("408", 408, "request_timeout"),
    ("413", 413, "request_too_large"),
    ("422", 422, "wrong_api_format"),
    ("429_tokens", 429, "token_quota_exceeded"),
    ("429_requests", 429, "request_quota_exceeded"),
    ("429_queue", 429, "queue_exceeded"),
    ("500", 500, "server_error"),
    ("503", 503, "service_unavailable"),
]


@pytest.mark.parametrize(("fault", "status", "code"), STATUSES)
def test_a_status_fault_is_flat_from_cerebras_and_wrapped_from_openai(
    cerebras: Running, openai: Running, fault: str, status: int, code: str
) -> None:
    flat, wrapped = heard(cerebras, fault), heard(openai, fault)

    assert (flat.status, flat.end, flat.json["code"]) == (status, "whole", code)
    assert list(flat.json) == ["message", "type", "param", "code"]
    assert (wrapped.status, list(wrapped.json)) == (status, ["error"])


def test_a_body_nobody_has_captured_can_be_given_other_words(cerebras: Running, openai: Running) -> None:
    flat = heard(cerebras, "503", fault_message="Overloaded, sorry", fault_code="overloaded").json
    wrapped = heard(openai, "503", fault_message="Overloaded").json["error"]

    assert (flat["message"], flat["code"]) == ("Overloaded, sorry", "overloaded")
    assert wrapped["message"] == "Overloaded"


@pytest.mark.parametrize(("fault", "status"), [("403", 403), ("502", 502), ("504", 504)])
def test_what_stands_in_front_of_the_provider_answers_in_html(cerebras: Running, fault: str, status: int) -> None:
    answer = heard(cerebras, fault)

    assert answer.status == status
    assert answer.headers["content-type"].startswith("text/html")
    assert b"<html" in answer.body


@pytest.mark.parametrize("value", ["7", "0.5", "-3", "1e9", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_retry_after_is_sent_as_written(cerebras: Running, value: str) -> None:
    assert heard(cerebras, "429_queue", retry_after=value).headers["retry-after"] == value


@pytest.mark.parametrize("value", ["11.38", "1e9", "-4", "soon"])
@pytest.mark.parametrize(("fault", "kind"), [("429_tokens", "tokens"), ("429_requests", "requests")])
def test_a_429_empties_the_bucket_it_blames_and_resets_as_written(
    cerebras: Running, fault: str, kind: str, value: str
) -> None:
    headers = heard(cerebras, fault, reset=value).headers

    assert headers[f"x-ratelimit-remaining-{kind}-minute"] == "0"
    assert headers[f"x-ratelimit-reset-{kind}-minute"] == value


def test_a_full_queue_blames_no_bucket_and_rate_limit_headers_can_be_left_out(cerebras: Running) -> None:
    queue, bare = heard(cerebras, "429_queue").headers, heard(cerebras, "429_tokens", rate_headers="false").headers

    assert queue["x-ratelimit-remaining-tokens-minute"] != "0"
    assert not [name for name in bare if name.startswith("x-ratelimit")]


def test_payment_required_says_not_to_retry_and_has_no_rate_limit_headers(cerebras: Running) -> None:
    headers = heard(cerebras, "402").headers

    assert headers["x-should-retry"] == "false"
    assert not [name for name in headers if name.startswith("x-ratelimit")]
    assert "x-ratelimit-reset-tokens-minute" in heard(cerebras, "429_tokens").headers


@pytest.mark.parametrize("after", [0, 1, 17, 40])
@pytest.mark.parametrize(
    ("fault", "end"), [("cut", "whole"), ("cut_chunked", "closed"), ("reset", "reset"), ("stall", "silence")]
)
def test_a_broken_stream_has_exactly_the_tokens_before_its_fault(
    cerebras: Running, fault: str, end: str, after: int
) -> None:
    answer = heard(cerebras, fault, SHORT, after=after)

    assert (answer.end, answer.text) == (end, words(after))
    assert b"finish_reason" not in answer.body
    assert b"[DONE]" not in answer.body


def test_a_plain_answer_can_break_half_way(cerebras: Running) -> None:
    broken = {fault: heard(cerebras, fault, SHORT, plain()) for fault in ("cut", "reset", "stall", "malformed")}

    assert [answer.end for answer in broken.values()] == ["closed", "reset", "silence", "whole"]
    for answer in broken.values():
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.body)


def test_an_error_event_is_wrapped_in_band_and_may_be_flat(cerebras: Running) -> None:
    wrapped, flat = (
        heard(cerebras, "error_event", after=5, error_status=429),
        heard(cerebras, "flat_error_event", after=0),
    )

    assert wrapped.text == words(5)
    assert wrapped.events[-1]["status_code"] == 429
    assert wrapped.events[-1]["error"]["code"] == "queue_exceeded"
    assert flat.text == ""
    assert flat.events[-1]["code"] == "service_unavailable"


def test_a_malformed_line_is_one_event_that_no_parser_takes(cerebras: Running) -> None:
    events = heard(cerebras, "malformed", after=20).events

    assert [event for event in events if isinstance(event, str) and event != "[DONE]"]
    assert events[-1] == "[DONE]"


@pytest.mark.parametrize(
    ("fault", "finished", "done"),
    [("no_done", True, 0), ("no_finish_but_done", False, 1), ("junk_after_done", True, 1)],
)
def test_the_end_can_lack_its_parts(cerebras: Running, fault: str, finished: bool, done: int) -> None:
    answer = heard(cerebras, fault)

    assert (b'"finish_reason":"stop"' in answer.body, answer.events.count("[DONE]")) == (finished, done)
    assert answer.text == words(60)


@pytest.mark.parametrize("fault", ["crlf", "comments", "multi_line"])
def test_legal_framing_says_the_same(cerebras: Running, fault: str) -> None:
    answer = heard(cerebras, fault)

    assert answer.body != heard(cerebras, "none").body
    assert {"crlf": b"\r\n\r\n", "comments": b": keep-alive\n", "multi_line": b",\ndata: "}[fault] in answer.body
    if fault != "comments":
        assert answer.text == words(60)


def test_a_buffered_answer_arrives_in_one_piece(cerebras: Running) -> None:
    answer = heard(cerebras, "buffered", pace=2000, write_every=0.002)

    assert answer.text == words(60)
    assert answer.at[-1] - answer.at[0] < 0.01


def test_characters_are_split_between_pieces_and_whole_in_the_end(cerebras: Running) -> None:
    answer = heard(cerebras, "split_utf8", text="unicode", pace=500)

    assert [piece for piece in answer.pieces if not _is_utf8(piece)]
    assert not answer.body.decode().isascii()
    assert answer.events[-1] == "[DONE]"


def test_another_model_answers_and_usage_is_missing(cerebras: Running) -> None:
    assert heard(cerebras, "wrong_model").events[0]["model"] == "llama3.1-8b"
    assert b'"usage"' not in heard(cerebras, "no_usage").body


def test_a_stream_request_is_answered_with_json(cerebras: Running) -> None:
    answer = heard(cerebras, "ignore_stream")

    assert answer.headers["content-type"] == "application/json"
    assert answer.json["choices"][0]["message"]["content"] == words(60)


def test_one_event_is_larger_than_a_megabyte(cerebras: Running) -> None:
    assert max(len(delta.get("content", "")) for delta in heard(cerebras, "huge", after=4).deltas) > 2**20


def test_an_endless_answer_goes_on_past_its_tokens_until_the_client_leaves(cerebras: Running) -> None:
    with socket.create_connection(("127.0.0.1", cerebras.port)) as sock:
        body = json.dumps(chat("gpt-oss-120b+fault=endless,pace=1000000,text=numbered,reasoning_tokens=0")).encode()
        sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\n")
        sock.sendall(b"content-length: %d\r\n\r\n%b" % (len(body), body))
        data = b""
        while data.count(b"w0060 ") < 3:
            data += sock.recv(65536)

    assert b"[DONE]" not in data


def test_a_trickle_is_slow_from_its_place_on(cerebras: Running) -> None:
    answer = heard(cerebras, "trickle", SHORT, after=10, tokens_per_event=1)

    assert (answer.text, answer.end) == (words(11), "silence")


def test_all_connections_can_be_reset_at_once() -> None:
    """As when its machine goes, which no request's own fault can do."""
    with running("cerebras", first_token=0.01, pace=1) as provider:
        body = json.dumps(chat()).encode()
        with socket.create_connection(("127.0.0.1", provider.port)) as sock:
            sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\n")
            sock.sendall(b"content-length: %d\r\n\r\n%b" % (len(body), body))
            assert sock.recv(10)

            answer = get(provider.port, "/simulator/connections", method="DELETE").json

            assert (answer, listen(sock).end) == ({"reset": 1}, "reset")


def test_headers_and_role_may_come_before_the_first_token(cerebras: Running) -> None:
    answer = heard(cerebras, "none", headers_after=0.02, role_after=0.1, first_token=0.2)
    headers, role, first = answer.at[:3]

    assert b"role" not in answer.pieces[0]
    assert b'"role"' in answer.pieces[1]
    assert role - headers > 0.02
    assert first - role > 0.02


def test_each_event_can_be_a_chunk_of_its_own(cerebras: Running) -> None:
    raw = post(cerebras.port, chat(), numbered(segment="event"))

    assert len(raw.data.partition(b"\r\n\r\n")[2].split(b"\r\n\r\n")) > 1
    assert raw.data.count(b"\r\ndata: ") == raw.body.count(b"data: ")


@pytest.mark.parametrize("share", ["0", "1"])
def test_a_fault_hits_its_share_of_requests(cerebras: Running, share: str) -> None:
    statuses = [heard(cerebras, "500", fault_share=share).status for _ in range(5)]

    assert statuses == [500 if share == "1" else 200] * 5


def test_a_fault_can_be_for_the_first_requests_only(cerebras: Running) -> None:
    assert [heard(cerebras, "503", fault_for=2).status for _ in range(4)] == [503, 503, 200, 200]


def test_the_ledger_says_how_each_request_ended(cerebras: Running) -> None:
    post(cerebras.port, chat(user="ledger"), numbered("cut", after=20))
    with socket.create_connection(("127.0.0.1", cerebras.port)) as sock:
        body = json.dumps(chat("gpt-oss-120b+pace=1", user="ledger")).encode()
        sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-abcd\r\n")
        sock.sendall(b"content-length: %d\r\n\r\n%b" % (len(body), body))
        sock.recv(10)
    cut, gone = _ended_entries(cerebras)

    assert (cut["fault"], cut["ended"], cut["tokens_sent"], cut["status"]) == ("cut", "cut", 20, 200)
    assert (gone["ended"], gone["model"], gone["headers"]["authorization"]) == (
        "client_gone",
        "gpt-oss-120b",
        "...abcd",
    )
    assert gone["connection"] != cut["connection"]


def _ended_entries(provider: Running) -> list[dict[str, Any]]:
    while True:
        entries = [
            e for e in get(provider.port, "/simulator/requests").json if (e["body"] or {}).get("user") == "ledger"
        ]
        if all(entry["ended"] for entry in entries):
            return entries


def _is_utf8(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True


def test_requests_share_a_connection_and_may_be_sent_ahead(cerebras: Running) -> None:
    body = json.dumps(plain(user="shared")).encode()
    one = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\n"
    one += b"content-length: %d\r\n\r\n%b" % (len(body), body)
    with socket.create_connection(("127.0.0.1", cerebras.port)) as sock:
        sock.sendall(one + one)
        data = listen(sock).data
        while data.count(b"HTTP/1.1 200 OK") < 2:
            data += sock.recv(65536)
    entries = [e for e in get(cerebras.port, "/simulator/requests").json if (e["body"] or {}).get("user") == "shared"]

    assert len({entry["connection"] for entry in entries}) == 1
    assert all(earlier["at"] <= later["at"] for earlier, later in pairwise(entries))


def test_what_is_no_http_is_answered_and_closed(cerebras: Running) -> None:
    with socket.create_connection(("127.0.0.1", cerebras.port)) as sock:
        sock.sendall(b"hello\r\n\r\n")
        answer = listen(sock)

    assert answer.status == 400
