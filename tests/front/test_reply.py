"""The answer on its way to the client: whole, or visibly not."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.front.clock import Clock
from plugins.front.headers import answer_headers
from plugins.front.reply import Reply
from plugins.stream.decode import Decoder
from plugins.telemetry.record import Fault, Outcome, Record
from tests.front.cases import Client
from tests.stream.cases import cerebras, dump, sse
from tests.telemetry.cases import CEREBRAS, DONE, FALLBACK, ROLE, USAGE, failed, finish, record, said, watched

EVENT_STREAM = (b"content-type", b"text/event-stream")
PLAIN = (b"content-type", b"application/json")
WHOLE = [ROLE, said("a"), said("b"), finish(usage=USAGE), DONE]


class Ticking:
    """Every look at it is a second later."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


async def replied(
    of: Record,
    parts: list[bytes],
    status: int = 200,
    headers: Any = (EVENT_STREAM,),
    *,
    end: bool = True,
    client_gone: bool = False,
) -> tuple[Client, Reply]:
    client = Client()
    reply = Reply(client.send, of, Clock(monotonic=Ticking()), lambda: client_gone)
    await reply({"type": "http.response.start", "status": status, "headers": list(headers)})
    for number, part in enumerate(parts):
        await reply({"type": "http.response.body", "body": part, "more_body": not end or number < len(parts) - 1})
    return client, reply


def data_of(stream: bytes) -> list[Any]:
    return [
        event.data if event.data == b"[DONE]" else json.loads(event.data)
        for event in Decoder().feed(stream)
        if event.data is not None
    ]


async def test_a_whole_stream_passes_byte_for_byte_and_is_measured() -> None:
    of = record()

    client, reply = await replied(of, [*WHOLE, b""])

    assert b"".join(WHOLE) == client.body
    assert client.ended
    assert reply.complete
    assert Outcome.WHOLE is of.outcome
    assert (of.delivered.first_token_at, of.delivered.last_token_at, of.delivered.usage) == (102.0, 103.0, USAGE)


@given(st.lists(st.integers(1, 60), max_size=30))
async def test_the_cuts_of_the_network_change_nothing(cuts: list[int]) -> None:
    stream = b"".join(WHOLE)
    parts = []
    for cut in cuts:
        parts.append(stream[:cut])
        stream = stream[cut:]
    of = record()

    client, _ = await replied(of, [*parts, stream, b""])

    assert b"".join(WHOLE) == client.body
    assert Outcome.WHOLE is of.outcome
    assert all(each["body"] or not each["more_body"] for each in client.messages[1:]), "an empty message was sent"


async def test_an_event_leaves_as_soon_as_it_is_there() -> None:
    client, _ = await replied(record(), [ROLE, said("a")], end=False)

    assert ROLE + said("a") == client.body
    assert not client.ended


BROKEN = {
    "it ends without a finish reason": [ROLE, said("a"), b""],
    "it says [DONE] without a finish reason": [ROLE, said("a"), DONE, b""],
    "it carries an error": [ROLE, said("a"), sse(b'{"error":{"message":"litellm.X","code":"500"}}'), DONE, b""],
    "it carries a named error": [ROLE, b'event: error\ndata: {"message":"x"}\n\n', DONE, b""],
    "it goes on behind the error": [said("a"), sse(b'{"error":"x"}'), said("b"), finish(), DONE, b""],
    "it is cut within an event": [ROLE, said("a"), said("b")[:20]],
    "it is not a stream at all": [b'{"choices":[]}'],
    "nothing comes": [b""],
}


@pytest.mark.parametrize("parts", BROKEN.values(), ids=BROKEN.keys())
async def test_an_answer_that_is_not_whole_ends_in_one_error_and_no_done(parts: list[bytes]) -> None:
    of = record(attempts=[failed(CEREBRAS, 100, 101, 200, Fault.CUT)])

    client, _ = await replied(of, parts)

    assert b"[DONE]" not in client.body
    assert b"litellm" not in client.body
    assert client.ended
    assert Outcome.BROKEN is of.outcome
    last = orjson.loads(client.body[client.body.rindex(b"data: ") + 6 :])
    assert client.body.count(b'"error":') == 1
    assert (last["error"]["code"], last["error"]["request_id"]) == ("stream_interrupted", "wl-1")
    assert last["choices"][0]["finish_reason"] == "error"


async def test_the_error_chunk_belongs_to_the_answer_it_ends() -> None:
    client, _ = await replied(record(), [ROLE, said("a"), b""])

    *_, last = data_of(client.body)
    assert (last["id"], last["model"], last["object"]) == ("chatcmpl-1", "zai-glm-4.7", "chat.completion.chunk")


async def test_what_the_client_had_before_the_error_stays() -> None:
    client, _ = await replied(record(), [ROLE, said("a"), sse(b'{"error":"x"}'), b""])

    assert client.body.startswith(ROLE + said("a"))


async def test_a_choice_that_never_finishes_breaks_the_answer() -> None:
    two = sse(dump(cerebras({"content": "x"}, index=1)))

    client, _ = await replied(record(), [said("a"), two, finish(), DONE, b""])

    assert b"[DONE]" not in client.body


async def test_a_plain_answer_passes_as_it_is_and_its_usage_is_noted_where_no_attempt_saw_it() -> None:
    of = record("reasoning", stream=False)
    body = orjson.dumps({"id": "1", "usage": USAGE})

    client, reply = await replied(of, [body[:9], body[9:]], headers=(PLAIN,))

    assert body == client.body
    assert (of.usage, of.outcome, reply.complete) == (USAGE, Outcome.WHOLE, True)


@pytest.mark.parametrize("body", [b"", b"[]", b"not json", b'{"usage":[1]}', b'{"usage":null}'])
async def test_a_plain_answer_without_usage_is_passed_on_all_the_same(body: bytes) -> None:
    of = record("reasoning", stream=False)

    client, _ = await replied(of, [body], headers=(PLAIN,))

    assert (body, None) == (client.body, of.usage)


@pytest.mark.parametrize("stream", [True, False])
async def test_litellms_error_is_rewritten_whole_and_in_openais_shape(stream: bool) -> None:
    of = record(stream=stream, attempts=[failed(CEREBRAS, 100, 101, 503), failed(FALLBACK, 101, 102, 500)])
    error = b'{"error":{"message":"litellm.InternalServerError: http://10.0.0.1 key sk-abcdefgh123"}}'

    client, reply = await replied(of, [error[:30], error[30:]], status=500, headers=(PLAIN, (b"content-length", b"9")))

    assert (client.status, of.outcome, of.status, reply.complete) == (503, Outcome.FAILED, 503, True)
    told = client.json["error"]
    assert (told["code"], told["type"], told["request_id"]) == ("upstream_unavailable", "server_error", "wl-1")
    assert client.headers["retry-after"] == "1"
    assert str(len(client.body)) == client.headers["content-length"]
    assert not any(word in client.body for word in (b"litellm.", b"10.0.0.1", b"sk-"))
    assert "x-waferline-model-served" not in client.headers, "nobody served it"
    assert client.headers["x-waferline-attempts"] == "2"


async def test_a_stream_names_the_model_as_whoever_gave_it_does_and_its_text_may_name_any() -> None:
    of = record(attempts=[watched(CEREBRAS, 100, (100.1, _called("theirs", said("a"))))])
    quoting = said('{"model":"zai-glm-4.7"} ')

    client, _ = await replied(of, [ROLE, quoting, finish(), DONE, b""])

    chunks = [chunk for chunk in data_of(client.body) if chunk != b"[DONE]"]
    assert {chunk["model"] for chunk in chunks} == {"theirs"}
    assert chunks[1]["choices"][0]["delta"]["content"] == '{"model":"zai-glm-4.7"} '


async def test_so_does_the_error_that_ends_one() -> None:
    of = record(attempts=[watched(CEREBRAS, 100, (100.1, _called("theirs", said("a"))))])

    client, _ = await replied(of, [said("a"), b""])

    assert data_of(client.body)[-1]["model"] == "theirs"


async def test_an_answer_in_one_piece_names_it_so_too() -> None:
    of = record("reasoning", stream=False, attempts=[watched(CEREBRAS, 100, (100.1, _called("theirs", said("a"))))])
    body = b'{"id":"1","model":"gpt-oss-120b","choices":[{"message":{"content":"\\"model\\":\\"x\\""}}]}'

    client, _ = await replied(of, [body], headers=(PLAIN, (b"content-length", str(len(body)).encode())))

    assert client.body == body.replace(b"gpt-oss-120b", b"theirs")
    assert client.headers["content-length"] == str(len(client.body))


async def test_where_another_answered_nothing_tells_whom_litellm_had_asked() -> None:
    lost, hedge = watched(CEREBRAS, 100), watched(FALLBACK, 101)
    hedge.is_hedge = True
    headers = [EVENT_STREAM, (b"x-litellm-model-id", b"cerebras/gpt-oss-120b"), (b"x-litellm-call-id", b"kept")]

    client, _ = await replied(
        record(attempts=[lost, hedge], winner=hedge, asked=CEREBRAS), [*WHOLE, b""], headers=headers
    )

    assert "x-litellm-model-id" not in client.headers
    assert (client.headers["x-litellm-call-id"], client.headers["x-waferline-deployment"]) == (
        "kept",
        "fallback/gpt-oss-120b",
    )


def _called(name: str, raw: bytes) -> bytes:
    return raw.replace(b"zai-glm-4.7", name.encode())


async def test_litellms_error_about_a_client_that_left_is_no_failure() -> None:
    of = record(stream=True, attempts=[failed(CEREBRAS, 100, 101, None)])

    client, _ = await replied(of, [b'{"error":{"message":"Client disconnected the request"}}'], 499, client_gone=True)

    assert (client.messages, of.status, of.refusal, of.outcome) == ([], None, None, Outcome.CLIENT_GONE)


async def test_an_endless_error_is_not_kept_in_memory() -> None:
    of = record()

    client, reply = await replied(of, [b"x" * 2**16] * 100, status=500)

    assert sum(map(len, reply._held)) <= 2**17
    assert client.status == 500


async def test_the_answers_headers_name_the_request_and_who_served_it_and_keep_the_rest_to_ourselves() -> None:
    of = record(attempts=[failed(CEREBRAS, 100, 101, 503), watched(FALLBACK, 101)], dropped=("store", "metadata"))
    headers = [
        EVENT_STREAM,
        (b"x-request-id", b"litellms-own"),
        (b"x-litellm-model-api-base", b"http://10.0.0.1"),
        (b"x-litellm-key-spend", b"0"),
        (b"llm_provider-set-cookie", b"__cf_bm=1"),
        (b"x-litellm-call-id", b"kept"),
    ]

    client, _ = await replied(of, [*WHOLE, b""], headers=headers)

    assert client.headers == {
        "content-type": "text/event-stream",
        "x-litellm-call-id": "kept",
        "x-request-id": "wl-1",
        "x-waferline-lane": "litellm",
        "x-waferline-model-asked": "chat",
        "x-waferline-model-served": "gpt-oss-120b",
        "x-waferline-deployment": "fallback/gpt-oss-120b",
        "x-waferline-attempts": "2",
        "x-waferline-dropped": "store, metadata",
    }


def test_a_warning_of_the_lifecycle_is_among_the_headers() -> None:
    of = record()
    assert of.decision is not None
    object.__setattr__(of.decision, "headers", {"Sunset": "Mon, 01 Mar 2027 00:00:00 GMT"})

    assert (b"sunset", b"Mon, 01 Mar 2027 00:00:00 GMT") in answer_headers(of)


def test_a_name_outside_latin_1_does_not_break_the_headers() -> None:
    of = record("模型")

    assert (b"x-waferline-model-asked", b"??") in answer_headers(of)


async def test_other_messages_pass_untouched() -> None:
    client = Client()
    message = {"type": "http.response.debug", "info": {}}

    await Reply(client.send, record(), Clock(), lambda: False)(message)

    assert [message] == client.messages
