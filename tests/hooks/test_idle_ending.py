"""A real router and a real provider: LiteLLM chooses, and hears no more of an answer that nobody else hears of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import httpx
import litellm
import pytest
from litellm import main
from litellm.proxy import proxy_server

from plugins.circuit.board import Board
from plugins.hooks.gate import Gate
from plugins.hooks.idle.app import UnfamiliarError
from plugins.hooks.idle.ending import _HEARERS, Repeating, Unheard, _made, leave_out_the_ending
from plugins.hooks.mount import use_transport
from plugins.policy.circuits import CircuitsFile
from plugins.telemetry.record import current
from plugins.upstream.caller import Caller
from plugins.upstream.pool import Pool
from plugins.upstream.shortcut import Shortcut, offered
from plugins.upstream.transport import Transport
from tests.hooks.test_gate import ALLOWED, MESSAGES, deployment, record
from tests.support.provider import Provider, provider


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    with provider("openai", tmp_path_factory.mktemp("upstream"), "--first-token", "0") as running:
        yield running


def routing(
    base: str, *, disable_cooldowns: bool = True, more: Mapping[str, int] = MappingProxyType({})
) -> litellm.Router:
    row = deployment(ALLOWED, ALLOWED, "allowed", base)
    row["litellm_params"] |= {"max_retries": 0, **more}
    return litellm.Router(model_list=[row], num_retries=0, disable_cooldowns=disable_cooldowns)


@pytest.fixture
def litellms_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """What a cut replaces is put back."""
    monkeypatch.setattr(main.openai_chat_completions, "async_streaming", main.openai_chat_completions.async_streaming)
    monkeypatch.setattr(proxy_server, "select_data_generator", proxy_server.select_data_generator)
    for name in _HEARERS:
        monkeypatch.setattr(litellm, name, [])
    monkeypatch.setattr(litellm, "callbacks", [Gate({}, Board([], CircuitsFile, lambda: 0, lambda _: None), lambda: 0)])
    yield monkeypatch
    litellm.aclient_session = None


@asynccontextmanager
async def asking(
    monkeypatch: pytest.MonkeyPatch, base: str, *, cut: bool, unobserved: bool = True, row: Any = None
) -> AsyncIterator[Any]:
    router = routing(base, **(row or {}))
    monkeypatch.setattr(proxy_server, "llm_router", router)
    now = asyncio.get_running_loop().time
    pool = Pool()
    transport = Transport(Caller(pool, now), current.get, {}, now)
    use_transport(Repeating(transport))
    if cut:
        leave_out_the_ending(transport)
    made = record()
    assert made.decision is not None
    made.decision, made.unobserved = replace(made.decision), unobserved
    tokens = current.set(made), offered.set(Shortcut(wants_usage=False))
    try:
        yield router.acompletion
    finally:
        current.reset(tokens[0])
        offered.reset(tokens[1])
        await pool.close()


async def test_an_answer_that_nobody_hears_of_ends_for_litellm_as_it_begins(
    upstream: Provider, litellms_own: pytest.MonkeyPatch
) -> None:
    upstream.reset()
    async with asking(litellms_own, upstream.base, cut=True) as ask:
        answer = await ask(model=ALLOWED, messages=MESSAGES, stream=True, temperature=0.5)
        shortcut = offered.get()

        assert isinstance(answer, Unheard)
        assert shortcut is not None
        assert shortcut.take() is not None, "the client is given the answer itself"
        assert shortcut.said is None, "and nobody keeps it"
        assert answer._hidden_params["model_id"] == "allowed"
        (chat,) = upstream.chats()
        assert (chat["body"]["temperature"], chat["body"]["model"]) == (0.5, ALLOWED)


@pytest.mark.parametrize(
    ("unobserved", "fields"),
    [(False, {}), (True, {"extra_headers": {"x-of-the-client": "1"}})],
    ids=["of an operator with callbacks", "with headers"],
)
async def test_an_answer_that_is_not_like_any_other_is_litellms_to_the_end(
    upstream: Provider, litellms_own: pytest.MonkeyPatch, unobserved: bool, fields: dict[str, Any]
) -> None:
    upstream.reset()
    async with asking(litellms_own, upstream.base, cut=True, unobserved=unobserved) as ask:
        answer = await ask(model=ALLOWED, messages=MESSAGES, stream=True, **fields)

        assert isinstance(answer, litellm.CustomStreamWrapper)
        assert [chunk async for chunk in answer][-1].choices[0].finish_reason == "stop"
        assert len(upstream.chats()) == 1


ASKED: list[dict[str, Any]] = [
    {"temperature": 0.5, "max_completion_tokens": 5, "stop": ["a"], "seed": 1, "user": "u"},
    {"stream_options": {"include_usage": True}, "response_format": {"type": "json_object"}, "n": 1},
    {"tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]},
    {"extra_body": {"of_the_providers": {"own": 1}}, "unheard_of": 2, "extra_query": {"a": "1"}},
]


@pytest.mark.parametrize("fields", ASKED, ids=str)
async def test_the_provider_is_asked_as_it_would_be_without_the_cut(
    upstream: Provider, litellms_own: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    asked: list[Any] = []
    for cut in (False, True):
        upstream.reset()
        async with asking(litellms_own, upstream.base, cut=cut) as ask:
            with suppress(Exception):  # that it refuses some of them is no matter
                await ask(model=ALLOWED, messages=MESSAGES, stream=True, **fields)
        (chat,) = upstream.chats()
        asked.append({name: chat[name] for name in ("method", "path", "headers", "body") if name in chat})

    assert asked[0] == asked[1]


@pytest.mark.parametrize("cut", [False, True])
async def test_headers_that_the_sdk_takes_from_the_environment_are_sent(
    litellms_own: pytest.MonkeyPatch, *, cut: bool
) -> None:
    """No other test's client, which LiteLLM keeps, was made with this key."""
    litellms_own.setenv("OPENAI_ORG_ID", "org-of-the-operator")
    litellms_own.setenv("OPENAI_CUSTOM_HEADERS", "x-team: one")
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append((await reader.readuntil(b"\r\n\r\n")).lower())
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with asking(litellms_own, f"http://127.0.0.1:{port}/v1", cut=cut) as ask:
            with suppress(Exception):  # nobody answers
                await ask(model=ALLOWED, messages=MESSAGES, stream=True)

    assert b"\r\nopenai-organization: org-of-the-operator\r\n" in heard[0]
    assert b"\r\nx-team: one\r\n" in heard[0]


@pytest.mark.parametrize("fault", ["400", "401", "404", "429_tokens", "500", "503", "refuse", "cut"])
async def test_a_call_that_fails_is_made_once_and_raises_what_it_would_without_the_cut(
    upstream: Provider, litellms_own: pytest.MonkeyPatch, fault: str
) -> None:
    raised: list[tuple[type[BaseException], str]] = []
    for cut in (False, True):
        upstream.reset()
        upstream.set(fault=fault, after=0)
        async with asking(litellms_own, upstream.base, cut=cut) as ask:
            with pytest.raises(Exception) as caught:  # noqa: PT011  whichever it is
                await ask(model=ALLOWED, messages=MESSAGES, stream=True)
            raised.append((caught.type, str(caught.value)))
            assert len(upstream.chats()) == 1

    assert raised[0] == raised[1]


async def test_what_came_of_a_call_is_the_answer_to_one_call_and_no_more() -> None:
    """LiteLLM may ask again, differently."""
    again = httpx.MockTransport(lambda _: httpx.Response(200))
    token = _made.set(httpx.Response(422))
    async with httpx.AsyncClient(transport=Repeating(again)) as client:
        found = [(await client.get("http://provider.invalid")).status_code for _ in range(2)]
    _made.reset(token)

    assert found == [422, 200]


@pytest.mark.parametrize(
    ("row", "why"), [({"disable_cooldowns": False}, "cooldowns"), ({}, "hears")], ids=["cooldowns", "database"]
)
async def test_what_counts_answers_hears_of_them(
    litellms_own: pytest.MonkeyPatch, row: dict[str, Any], why: str
) -> None:
    if not row:
        litellms_own.setattr(proxy_server, "prisma_client", object())
    with pytest.raises(UnfamiliarError, match=why):
        async with asking(litellms_own, "http://127.0.0.1:9/v1", cut=True, row=row):
            pass


@pytest.mark.parametrize("comes", ["a callback", "a logger", "a database"])
async def test_whoever_comes_after_the_cut_hears_of_the_next_answer(
    upstream: Provider, litellms_own: pytest.MonkeyPatch, comes: str
) -> None:
    upstream.reset()
    async with asking(litellms_own, upstream.base, cut=True) as ask:
        if comes == "a database":
            litellms_own.setattr(proxy_server, "prisma_client", object())
        else:
            litellm.success_callback.append("known_by_its_name" if comes == "a logger" else print)
        answer = await ask(model=ALLOWED, messages=MESSAGES, stream=True)

        assert isinstance(answer, litellm.CustomStreamWrapper)
