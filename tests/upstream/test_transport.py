"""The transport LiteLLM is given, against a real server: held until the first token, and never cut in silence."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest
from aiohttp import web

from plugins.policy.deadlines import Deadlines
from plugins.policy.targets import Address, Target
from plugins.policy.verdict import StreamMode
from plugins.telemetry.record import Attempt, Fault, Outcome, Record
from plugins.upstream.caller import Caller
from plugins.upstream.pool import Pool
from plugins.upstream.transport import Transport
from tests.stream.cases import decode, text_of
from tests.support.nowhere import not_accepting, refusing
from tests.telemetry.cases import CEREBRAS, DONE, FALLBACK, ROLE, USAGE, finish, record, said
from tests.upstream.provider import Provider, Script, answers, provider, silent, streams

KEY = "any-old-key-of-the-operator"
SOON = 0.05
PATIENT = Deadlines(connect_seconds=5, first_token_seconds=5, stall_seconds=5, total_seconds=5)
MESSAGES = [{"role": "user", "content": "hi"}]
WHOLE = (ROLE, said("a"), said("b"), finish(usage=USAGE), DONE)


class House:
    """A transport, and one request's record that the gate let through."""

    def __init__(
        self,
        *,
        window: float = 0,
        deadlines: Deadlines = PATIENT,
        mode: StreamMode = StreamMode.AS_ASKED,
        ways: dict[str, Address] | None = None,
    ) -> None:
        self.record: Record | None = None
        self._window, self._deadlines, self._mode = window, deadlines, mode
        self._caller = Caller(Pool(), time.monotonic)
        transport = Transport(self._caller, lambda: self.record, ways or {}, time.monotonic)
        self.client = httpx.AsyncClient(transport=transport, timeout=None)

    def let_through(self, target: Target = CEREBRAS) -> Record:
        made = record(started=time.monotonic())
        assert made.decision is not None
        route = replace(made.decision.route, merge_window=self._window, deadlines=self._deadlines)
        made.decision = replace(made.decision, route=route, stream_mode=self._mode)
        made.calling = target
        self.record = made
        return made

    def request(self, url: str, *, stream: bool = True, **fields: Any) -> httpx.Request:
        body = {"model": "as-litellm-says", "messages": MESSAGES, "stream": stream, **fields}
        headers = {"authorization": f"Bearer {KEY}", "x-stainless-lang": "python", "cookie": "a=b"}
        return self.client.build_request("POST", url, json=body, headers=headers)

    async def ask(self, url: str, target: Target = CEREBRAS, **fields: Any) -> httpx.Response:
        self.let_through(target)
        return await self.client.send(self.request(url, **fields), stream=bool(fields.get("stream", True)))

    @property
    def attempt(self) -> Attempt:
        assert self.record is not None
        (attempt,) = self.record.attempts
        return attempt


async def asked(script: Script, house: House | None = None, **fields: Any) -> tuple[House, bytes | Exception, Provider]:
    """The whole answer, or what came instead of it."""
    house = house or House()
    async with provider(script) as held:
        try:
            response = await house.ask(held.url, **fields)
            return house, await response.aread(), held
        except httpx.HTTPError as error:
            return house, error, held
        finally:
            await house.client.aclose()


def ended(house: House) -> tuple[Outcome, Fault | None]:
    return house.attempt.outcome, house.attempt.fault


def texts(stream: bytes) -> list[str]:
    return [found[2] for event in decode(stream) if event.data and (found := text_of(event.data))]


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House()
    yield made
    await made.client.aclose()


# ---- whole answers ------------------------------------------------------------------------------------------------


async def test_a_whole_stream_passes_byte_for_byte() -> None:
    house, got, _ = await asked(streams(*WHOLE))

    assert b"".join(WHOLE) == got
    assert ended(house) == (Outcome.WHOLE, None)
    assert (house.attempt.status, house.attempt.watch.usage) == (200, USAGE)


async def test_the_provider_is_asked_in_its_own_words_over_headers_that_are_its_business() -> None:
    _, _, held = await asked(streams(*WHOLE), max_tokens=7, temperature=0)

    assert held.bodies == [
        {
            "model": "gpt-oss-120b",
            "messages": MESSAGES,
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_completion_tokens": 7,
            "temperature": 0,
        }
    ]
    (headers,) = held.headers
    assert (f"Bearer {KEY}", "waferline/0.1", "identity") == (
        headers["authorization"],
        headers["user-agent"],
        headers["accept-encoding"],
    )
    assert not any(name.startswith("x-stainless") for name in headers)


async def test_another_provider_is_asked_without_cerebras_words() -> None:
    _, _, held = await asked(streams(*WHOLE), target=FALLBACK, max_tokens=7)

    assert held.bodies[0]["max_tokens"] == 7


async def test_what_arrives_together_leaves_as_one_event_with_the_same_text() -> None:
    many = [said(f"{number} ") for number in range(200)]

    house, got, _ = await asked(streams(ROLE, said("first "), b"".join(many), finish(), DONE), House(window=0.001))

    assert isinstance(got, bytes)
    assert "first " + "".join(f"{number} " for number in range(200)) == "".join(texts(got))
    assert len(texts(got)) < 20
    assert house.attempt.watch.events == 201


async def test_the_first_token_is_passed_on_while_the_provider_is_still_writing(house: House) -> None:
    async with provider(streams(ROLE, said("a"), hang=True)) as held:
        response = await house.ask(held.url)
        first = await anext(response.aiter_raw())

        assert ROLE + said("a") == first
        assert not held.hung_up.is_set()
        await response.aclose()


async def test_litellm_is_spared_the_event_that_only_names_the_role() -> None:
    _, got, _ = await asked(streams(ROLE + said("a") + said("b"), finish(), DONE), House(window=0.001))

    assert isinstance(got, bytes)
    assert not got.startswith(ROLE)
    assert "".join(texts(got)) == "ab"
    assert got.endswith(finish() + DONE)


async def test_an_answer_without_done_is_whole_when_it_has_a_finish_reason() -> None:
    house, got, _ = await asked(streams(*WHOLE[:-1]))

    assert b"".join(WHOLE[:-1]) == got
    assert Outcome.WHOLE is house.attempt.outcome


@pytest.mark.parametrize(
    "script", [streams(*WHOLE[:-1], hang=True), streams(*WHOLE[:-1], cut=True)], ids=["hang", "cut"]
)
async def test_an_answer_that_has_finished_is_whole_even_if_the_provider_forgets_to_say_goodbye(script: Script) -> None:
    deadlines = PATIENT.model_copy(update={"stall_seconds": SOON})

    house, got, _ = await asked(script, House(deadlines=deadlines))

    assert b"".join(WHOLE[:-1]) == got
    assert ended(house) == (Outcome.WHOLE, None)


async def test_cookies_and_lengths_of_the_provider_are_not_passed_on(house: House) -> None:
    async with provider(streams(*WHOLE)) as held:
        response = await house.ask(held.url)
        await response.aread()

    assert {"content-type", "inference-id"} == set(response.headers) & {
        "content-type",
        "inference-id",
        "set-cookie",
        "transfer-encoding",
    }


# ---- before the first token: the next target may take over --------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        (streams(), Fault.NO_FINISH),
        (streams(ROLE), Fault.NO_FINISH),
        (streams(ROLE, DONE), Fault.NO_FINISH),
        (streams(DONE), Fault.NO_FINISH),
        (streams(ROLE, cut=True), Fault.CUT),
        (streams(b"data: not json\n\n"), Fault.MALFORMED),
        (streams(b"garbage without an end"), Fault.NO_FINISH),
        (answers(200, b"{}"), Fault.NOT_A_STREAM),
        (answers(200, b"<html>", "text/html"), Fault.NOT_A_STREAM),
    ],
)
async def test_an_answer_that_never_began_is_a_failed_attempt_and_no_answer(script: Script, fault: Fault) -> None:
    house, got, _ = await asked(script)

    assert isinstance(got, httpx.TransportError)
    assert (Outcome.FAILED, fault) == ended(house)
    assert KEY not in str(got)


@pytest.mark.parametrize(
    "script", [silent, streams(hang=True), streams(ROLE, hang=True)], ids=["silent", "head", "role"]
)
async def test_a_first_token_that_does_not_come_in_time_is_given_up_and_the_provider_stopped(script: Script) -> None:
    house = House(deadlines=PATIENT.model_copy(update={"first_token_seconds": SOON}))
    async with provider(script) as held:
        with pytest.raises(httpx.ReadTimeout):
            await house.ask(held.url)
        await asyncio.wait_for(held.hung_up.wait(), 5)
    await house.client.aclose()

    assert ended(house) == (Outcome.FAILED, Fault.FIRST_TOKEN_TIMEOUT)


async def test_the_shorter_deadline_is_the_one_that_is_named() -> None:
    deadlines = PATIENT.model_copy(update={"total_seconds": SOON})

    house, _, _ = await asked(streams(ROLE, hang=True), House(deadlines=deadlines))

    assert Fault.TOTAL_TIMEOUT is house.attempt.fault


ERROR_EVENT = (
    b'data: {"error":{"message":"queue at http://10.0.0.1 key KEY","code":"queue_exceeded"},"status_code":429}\n\n'
)


@pytest.mark.parametrize("before", [(), (ROLE,)])
async def test_an_error_before_the_first_token_is_an_error_like_any_other(
    before: tuple[bytes, ...], house: House
) -> None:
    async with provider(streams(*before, ERROR_EVENT.replace(b"KEY", KEY.encode()), DONE)) as held:
        response = await house.ask(held.url)
        error = orjson.loads(await response.aread())["error"]

    assert 429 == response.status_code == house.attempt.status
    assert (error["message"], error["code"]) == ("queue at [address] key [key]", "queue_exceeded")
    assert ended(house) == (Outcome.FAILED, Fault.ERROR_EVENT)


async def test_a_provider_that_cannot_be_reached_is_a_connection_error(house: House) -> None:
    with refusing() as url, pytest.raises(httpx.ConnectError):
        await house.ask(f"{url}/chat/completions")

    assert ended(house) == (Outcome.FAILED, Fault.CONNECT)


async def test_a_provider_that_does_not_take_the_connection_is_called_that_and_not_slow() -> None:
    house = House(deadlines=PATIENT.model_copy(update={"connect_seconds": SOON}))
    with not_accepting() as url, pytest.raises(httpx.ConnectError):
        await house.ask(f"{url}/chat/completions")

    assert ended(house) == (Outcome.FAILED, Fault.CONNECT)


# ---- after it: the answer is visibly broken -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        (streams(ROLE, said("a"), cut=True), Fault.CUT),
        (streams(ROLE, said("a")), Fault.NO_FINISH),
        (streams(ROLE, said("a"), DONE), Fault.NO_FINISH),
        (streams(ROLE, said("a"), ERROR_EVENT, DONE), Fault.ERROR_EVENT),
        (streams(ROLE, said("a"), b"data: {broken\n\n"), Fault.MALFORMED),
        (streams(ROLE, said("a"), hang=True), Fault.STALL),
    ],
)
async def test_an_answer_that_breaks_off_never_ends_like_a_whole_one(script: Script, fault: Fault) -> None:
    house = House(deadlines=PATIENT.model_copy(update={"stall_seconds": SOON}))
    got: list[bytes] = []
    async with provider(script) as held:
        response = await house.ask(held.url)
        with pytest.raises(httpx.RemoteProtocolError):
            await _collect(response, got)
    await house.client.aclose()

    assert b"[DONE]" not in b"".join(got)
    assert b"finish_reason" not in b"".join(got)
    assert (Outcome.BROKEN, fault) == ended(house)


async def _collect(response: httpx.Response, into: list[bytes]) -> None:
    async for part in response.aiter_raw():
        into += [part]


# ---- where the client wants one piece -----------------------------------------------------------------------------


@pytest.mark.parametrize("window", [0, 0.001])
async def test_an_upgraded_request_is_streamed_by_the_provider_and_answered_in_one_piece(window: float) -> None:
    house = House(mode=StreamMode.UPGRADE, window=window)
    async with provider(streams(b"data:\n\n", *WHOLE)) as held:
        response = await house.ask(held.url, stream=False)
    await house.client.aclose()

    completion = response.json()
    assert response.headers["content-type"] == "application/json"
    assert (
        completion["object"],
        completion["choices"][0]["message"]["content"],
        completion["choices"][0]["finish_reason"],
        completion["usage"],
    ) == ("chat.completion", "ab", "stop", USAGE)
    assert held.bodies[0]["stream"] is True
    assert Outcome.WHOLE is house.attempt.outcome
    assert house.attempt.watch.first_token_at is not None


@pytest.mark.parametrize("last", [(), (DONE,), (ERROR_EVENT,)])
async def test_an_upgraded_request_that_breaks_is_no_half_answer(last: tuple[bytes, ...]) -> None:
    house, got, _ = await asked(streams(ROLE, said("a"), *last), House(mode=StreamMode.UPGRADE), stream=False)

    assert isinstance(got, httpx.TransportError) or (isinstance(got, bytes) and b'"error"' in got)
    assert Outcome.BROKEN is house.attempt.outcome


async def test_a_request_that_may_go_unstreamed_is_passed_on_as_it_came() -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
    body = orjson.dumps({"id": "1", "choices": [choice], "usage": USAGE})

    house, got, held = await asked(answers(200, body), stream=False)

    assert body == got
    assert held.bodies[0]["stream"] is False
    assert "stream_options" not in held.bodies[0]
    assert (house.attempt.outcome, house.attempt.watch.usage) == (Outcome.WHOLE, USAGE)


@pytest.mark.parametrize(
    "answer",
    [
        {"choices": []},
        {"choices": [{"message": {"content": "half of"}}]},
        {"choices": [{"message": {"content": "half of"}, "finish_reason": None}]},
        {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], "error": {"message": "overloaded"}},
    ],
)
async def test_a_plain_answer_without_a_finish_reason_is_not_passed_on_as_whole(answer: dict[str, Any]) -> None:
    house, got, _ = await asked(answers(200, orjson.dumps(answer)), stream=False)

    assert isinstance(got, httpx.TransportError)
    assert (house.attempt.outcome, house.attempt.fault) == (Outcome.FAILED, Fault.NO_FINISH)


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b"null", b'{"cut'])
async def test_an_unstreamed_answer_that_is_no_object_is_no_answer(body: bytes) -> None:
    house, got, _ = await asked(answers(200, body, "text/html"), stream=False)

    assert isinstance(got, httpx.TransportError)
    assert ended(house) == (Outcome.FAILED, Fault.MALFORMED)


async def test_an_unstreamed_answer_that_does_not_come_in_time_is_given_up() -> None:
    async def half(held: Provider, request: Any) -> Any:
        return await streams(b"{", hang=True)(held, request)

    house, got, _ = await asked(half, House(deadlines=PATIENT.model_copy(update={"total_seconds": SOON})), stream=False)

    assert isinstance(got, httpx.ReadTimeout)
    assert ended(house) == (Outcome.FAILED, Fault.TOTAL_TIMEOUT)


UNREADABLE = "the provider answered {} without a reason that can be read"


# ---- refusals of the provider -------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("status", "body", "content_type", "message", "code"),
    [
        (429, b'{"message":"slow down","code":"queue_exceeded"}', "application/json", "slow down", "queue_exceeded"),
        (404, b'{"error":{"message":"no model","code":"x"}}', "application/json", "no model", "x"),
        (403, b"<html>blocked by 10.0.0.1</html>", "text/html", UNREADABLE.format(403), None),
        (500, b"", "text/plain", UNREADABLE.format(500), None),
        (401, b'{"message":"bad key any-old-key-of-the-operator"}', "application/json", "bad key [key]", None),
        (302, b"", "text/html", UNREADABLE.format(302), None),
    ],
)  # fmt: skip
async def test_a_refusal_of_any_shape_becomes_one_of_ours(
    stream: bool, status: int, body: bytes, content_type: str, message: str, code: str | None
) -> None:
    house = House()
    async with provider(answers(status, body, content_type, location="http://evil")) as held:
        response = await house.ask(held.url, stream=stream)
        told = orjson.loads(await response.aread())
    await house.client.aclose()

    assert (status, "application/json") == (response.status_code, response.headers["content-type"])
    assert {"error": {"message": message, "type": None, "param": None, "code": code}} == told
    assert ended(house) == (Outcome.FAILED, Fault.HTTP_STATUS)
    assert len(held.bodies) == 1


async def test_a_refusal_in_pieces_is_read_whole() -> None:
    async def script(held: Provider, request: Any) -> Any:
        from aiohttp import web  # noqa: PLC0415

        response = web.StreamResponse(status=400)
        await response.prepare(request)
        for part in (b'{"message":', b'"too long"', b',"code":"c"}'):
            await response.write(part)
            await asyncio.sleep(0)
        return response

    house, _, _ = await asked(script)

    assert house.attempt.error is not None
    assert (house.attempt.error.message, house.attempt.error.code) == ("too long", "c")


async def test_a_refusal_that_never_ends_is_not_waited_for() -> None:
    async def script(held: Provider, request: Any) -> Any:
        from aiohttp import web  # noqa: PLC0415

        response = web.StreamResponse(status=503)
        await response.prepare(request)
        await response.write(b'{"message":')
        await held.go_on.wait()
        return response

    house, _, _ = await asked(script, House(deadlines=PATIENT.model_copy(update={"stall_seconds": SOON})))

    assert ended(house) == (Outcome.FAILED, Fault.HTTP_STATUS)
    assert house.attempt.status == 503


async def test_a_plain_answer_may_take_longer_than_a_first_token() -> None:
    """A provider that does not stream is silent until it is done, however well it is."""
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hi"}}
    body = orjson.dumps({"id": "1", "choices": [choice]})
    answered = answers(200, body)

    async def late(held: Provider, request: web.Request) -> web.StreamResponse:
        asyncio.get_running_loop().call_later(3 * SOON, held.go_on.set)
        await held.go_on.wait()
        return await answered(held, request)

    house, got, _ = await asked(
        late, House(deadlines=PATIENT.model_copy(update={"first_token_seconds": SOON})), stream=False
    )

    assert got == body
    assert house.attempt.outcome is Outcome.WHOLE


async def test_comments_alone_do_not_make_a_provider_alive() -> None:
    async def script(held: Provider, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(ROLE + said("a"))
        while not held.go_on.is_set():
            await response.write(b": still here\n\n")
            await asyncio.wait({asyncio.ensure_future(held.go_on.wait())}, timeout=SOON / 5)
        return response

    house, got, _ = await asked(script, House(deadlines=PATIENT.model_copy(update={"stall_seconds": SOON})))

    assert isinstance(got, httpx.TransportError)
    assert ended(house) == (Outcome.BROKEN, Fault.STALL)


async def test_an_answer_that_cannot_be_written_again_is_a_failed_attempt_and_not_a_bug() -> None:
    odd = b'data: {"id":"1","odd":"\\ud83d","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'

    house, got, _ = await asked(streams(ROLE, odd, finish(), DONE), House(mode=StreamMode.UPGRADE), stream=False)

    assert isinstance(got, httpx.TransportError)
    assert ended(house) == (Outcome.FAILED, Fault.MALFORMED)


# ---- connections --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [streams(*WHOLE), answers(429, b'{"message":"x"}')], ids=["answers", "refusals"])
async def test_ten_requests_in_a_row_use_one_connection(script: Script, house: House) -> None:
    async with provider(script) as held:
        for _ in range(10):
            response = await house.ask(held.url)
            await response.aread()
            await asyncio.sleep(0)
            await _drained(house)

        assert len(set(held.connections)) == 1


async def _drained(house: House) -> None:
    """Whatever is read behind [DONE] is read beside the next request."""
    draining = house._caller._pool._draining
    if draining:
        await asyncio.wait(draining)


async def test_requests_at_once_never_share_a_connection(house: House) -> None:
    async with provider(streams(ROLE, said("a"), hang=True)) as held:
        responses = [await house.ask(held.url) for _ in range(5)]

        assert len(set(held.connections)) == 5
        for response in responses:
            await response.aclose()


async def test_a_client_that_leaves_stops_the_provider(house: House) -> None:
    async with provider(streams(ROLE, said("a"), hang=True)) as held:
        response = await house.ask(held.url)
        await anext(response.aiter_raw())
        await response.aclose()
        await asyncio.wait_for(held.hung_up.wait(), 5)

    assert ended(house) == (Outcome.CLIENT_GONE, None)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("script", [silent, streams(ROLE, hang=True)], ids=["silent", "begun"])
async def test_a_client_that_leaves_before_the_first_token_stops_the_provider(
    stream: bool, script: Script, house: House
) -> None:
    async with provider(script) as held:
        asking = asyncio.create_task(house.ask(held.url, stream=stream))
        await asyncio.wait_for(held.heard.wait(), 5)
        for _ in range(20):
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.wait_for(held.hung_up.wait(), 5)

    assert ended(house) == (Outcome.CLIENT_GONE, None)


async def test_a_connection_is_given_back_once_however_often_its_answer_is_closed(house: House) -> None:
    async with provider(streams(*WHOLE)) as held:
        response = await house.ask(held.url)
        await response.aread()
        stream: Any = response.stream
        for _ in range(3):
            await stream.aclose()
        await _drained(house)

        idle = [connection for kept in house._caller._pool._idle.values() for connection, _ in kept]
        assert len(idle) == 1


@pytest.mark.parametrize("missing", ["record", "decision", "target"])
async def test_a_call_that_nobody_vouched_for_is_not_made(missing: str, house: House) -> None:
    made = house.let_through()
    if missing == "record":
        house.record = None
    elif missing == "decision":
        made.decision = None
    else:
        made.calling = None
    async with provider(streams(*WHOLE)) as held:
        with pytest.raises(httpx.RequestError, match="passed the front"):
            await house.client.send(house.request(held.url))

        assert held.bodies == []


async def test_one_admission_is_good_for_one_call(house: House) -> None:
    async with provider(streams(*WHOLE)) as held:
        await (await house.ask(held.url)).aread()
        with pytest.raises(httpx.RequestError):
            await house.client.send(house.request(held.url))

        assert len(held.bodies) == 1


@pytest.mark.parametrize("unobserved", [True, False])
async def test_a_target_that_fails_is_followed_beneath_litellm_only_where_nobody_hears_whom_it_asked(
    unobserved: bool,
) -> None:
    async with provider(answers(503, b"{}")) as primary, provider(streams(*WHOLE)) as fallback:
        house = House(ways={FALLBACK.deployment: Address(fallback.url, KEY)})
        house.let_through().unobserved = unobserved
        response = await house.client.send(house.request(primary.url))
        await house.client.aclose()

    assert response.status_code == (200 if unobserved else 503)
    assert len(fallback.bodies) == (1 if unobserved else 0)
    assert house.record is not None
    assert house.record.asked is CEREBRAS
