"""The front as a whole, with a stand-in for LiteLLM behind it: who gets in, what LiteLLM is given, what is logged."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import orjson
import pytest

from plugins.circuit.board import Board
from plugins.circuit.sharing import Fleet
from plugins.front.asgi import App, Message, Receive, Scope, Send
from plugins.front.clock import Clock
from plugins.front.front import Front
from plugins.front.gateway import Gateway
from plugins.front.places import Places
from plugins.policy.access import digest
from plugins.policy.circuits import CircuitsFile, InFlight
from plugins.telemetry.record import current
from plugins.telemetry.sinks import Events
from plugins.upstream.pool import Pool
from plugins.upstream.sharing import Sharing
from plugins.upstream.warming import Warming
from tests.front.cases import Client, arriving, scope
from tests.policy.cases import DEPLOYED, SHIPPED, policies
from tests.policy.test_access import client_row

MASTER = "sk-master"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MESSAGES = [{"role": "user", "content": "hi"}]
UNDER = policies(
    SHIPPED.catalog,
    lifecycle=SHIPPED.lifecycle.model_dump(),
    streaming=SHIPPED.streaming.model_dump(),
    routing=SHIPPED.routing.model_dump(),
    access={"clients": [client_row("app", "sk-app", "chat")]},
)


class LiteLLM:
    """Answers ok, and remembers what it was given."""

    def __init__(self, answer: Callable[[Send], Awaitable[None]] | None = None) -> None:
        self.scopes: list[Scope] = []
        self.bodies: list[bytes] = []
        self.after: list[str] = []
        self.records: list[Any] = []
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        self.records.append(current.get())
        if scope["type"] != "http":
            return
        if scope["method"] == "POST":
            self.bodies.append((await receive())["body"])
            self.after.append((await receive())["type"])
        if self._answer:
            await self._answer(send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b'{"ok":true}'})


class House:
    def __init__(self, app: App, waiting_for: str | None = None, places: Places | None = None) -> None:
        self.events: list[dict[str, Any]] = []
        self.starts = 0
        self.board = Board(DEPLOYED.by_deployment.values(), CircuitsFile, lambda: 0.0, self.events.append)
        store: Any = SimpleNamespace(current=UNDER, status=lambda: {"version": UNDER.version})
        express: Any = None  # the lane past LiteLLM is closed by the guardrail below
        warming = Warming(Pool(), [], lambda: 1.0, lambda: 1)
        startup: Any = SimpleNamespace(sentence=waiting_for, status=dict)
        gateway = Gateway(
            store=store,
            deployed=DEPLOYED,
            master_digest=digest(MASTER),
            events=Events(self.events.append),
            board=self.board,
            express=express,
            direct={},
            only_litellm=("guardrails: pii",),
            warming=warming,
            startup=startup,
            sharing=Sharing(Fleet(self.board, "a"), None, CircuitsFile, lambda: 1.0, self.events.append),
            clock=Clock(lambda: 1.0, utc=lambda: NOON),
            places=places or Places(),
        )
        self.places = gateway.places
        self.front = Front(app, gateway, self._start)

    def _start(self) -> None:
        self.starts += 1

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = MASTER, **headers: str
    ) -> Client:
        client = Client()
        sent = {**headers, **({"authorization": f"Bearer {key}"} if key else {})}
        raw = body if isinstance(body, bytes) else orjson.dumps(body) if body is not None else b""
        await self.front(scope(method, path, **sent), arriving(raw), client.send)
        return client

    async def chat(self, key: str | None = MASTER, headers: dict[str, str] | None = None, **fields: Any) -> Client:
        body = {"model": "gpt-oss-120b", "messages": MESSAGES, **fields}
        return await self.ask("POST", "/v1/chat/completions", body, key=key, **(headers or {}))


async def test_a_chat_goes_to_litellm_as_the_policies_made_it_and_leaves_one_line() -> None:
    inner = LiteLLM()
    house = House(inner)

    client = await house.chat(model="reasoning", store=True, key=MASTER)

    assert (client.status, client.json) == (200, {"ok": True})
    assert orjson.loads(inner.bodies[0]) == {"model": "gpt-oss-120b", "messages": MESSAGES, "reasoning_effort": "high"}
    assert inner.after == ["http.disconnect"], "behind the body there is nothing but the client's farewell"
    assert inner.records[0].decision.ask.model == "reasoning"
    assert client.headers["x-waferline-dropped"] == "store"
    (event,) = house.events
    assert tuple(event[name] for name in ("client", "workload", "stream_mode", "status", "outcome")) == (
        "master",
        "reasoning",
        "upgrade",
        200,
        "whole",
    )
    assert current.get() is None


async def test_litellm_sees_one_path_the_right_length_and_no_header_that_overrules_the_operator() -> None:
    inner = LiteLLM()
    overruling = [
        "x_litellm_timeout",
        "x_litellm_num_retries",
        "x_litellm_tags",
        "litellm_disable_message_redaction",
        "cache_control",
        "x_api_key",
        "x_stainless_retry_count",
        "x_forwarded_for",
        "anthropic_beta",
        "cookie",
        "content_type",
        "transfer_encoding",
    ]

    await House(inner).chat(headers={**dict.fromkeys(overruling, "1"), "user_agent": "sdk", "host": "h"})

    (given,) = inner.scopes
    headers = dict(given["headers"])
    assert (
        given["path"],
        given["raw_path"],
        given["query_string"],
    ) == ("/v1/chat/completions", b"/v1/chat/completions", b"")
    assert {b"authorization", b"user-agent", b"host", b"content-length", b"content-type", b"x-litellm-call-id"} == set(
        headers
    )
    assert str(len(inner.bodies[0])).encode() == headers[b"content-length"]
    assert headers[b"content-type"] == b"application/json"


@pytest.mark.parametrize(
    ("fields", "key", "status", "code"),
    [
        ({}, None, 401, "invalid_api_key"),
        ({}, "sk-wrong", 401, "invalid_api_key"),
        ({}, "sk-app", 403, "model_not_allowed"),
        ({"model": "llama3.1-8b"}, MASTER, 404, "model_retired"),
        ({"model": "cerebras/gpt-oss-120b"}, MASTER, 404, "model_not_found"),
        ({"model": "gpt-oss-120b,llama3.1-8b"}, MASTER, 400, "invalid_model"),
        ({"model": "chat"}, "sk-app", 400, "streaming_required"),
        ({"fallbacks": ["llama3.1-8b"]}, MASTER, 400, "field_not_allowed"),
        ({"api_base": "http://evil"}, MASTER, 400, "field_not_allowed"),
        ({"n": 128}, MASTER, 400, "limit_exceeded"),
        ({"stream": "true"}, MASTER, 400, "invalid_stream"),
    ],
)
async def test_a_refused_chat_never_reaches_litellm(
    fields: dict[str, Any], key: str | None, status: int, code: str
) -> None:
    inner = LiteLLM()
    house = House(inner)

    client = await house.chat(key, **fields)

    assert (status, code) == (client.status, client.json["error"]["code"])
    assert inner.scopes == []
    assert client.json["error"]["request_id"] == client.headers["x-request-id"]
    (event,) = house.events
    assert ("refused", status, code) == (event["outcome"], event["status"], event["code"])


async def test_one_request_too_many_is_shed_before_its_body_is_read_and_takes_no_place() -> None:
    shed: list[Client] = []

    async def while_it_is_answered(send: Send) -> None:
        assert house.places.taken == 1
        shed.append(await house.ask("POST", "/v1/chat/completions", b"no JSON"))
        await LiteLLM()({"type": "http", "method": "GET"}, arriving(), send)

    house = House(LiteLLM(while_it_is_answered), places=Places(lambda: InFlight(most=1, most_per_target=1)))

    served = await house.chat()

    assert (served.status, shed[0].status, shed[0].json["error"]["code"]) == (200, 503, "overloaded")
    assert shed[0].headers["retry-after"] == "1"
    assert [(event["outcome"], event["rule"]) for event in house.events] == [("shed", "front.places"), ("whole", None)]
    assert house.places.status() == {"requests": 0, "most": 1, "shed": 1}


@pytest.mark.parametrize("body", [b"no JSON", orjson.dumps({"model": "llama3.1-8b", "messages": MESSAGES})])
async def test_a_refusal_gives_its_place_back(body: bytes) -> None:
    house = House(LiteLLM())

    await house.ask("POST", "/v1/chat/completions", body)

    assert house.places.taken == 0


async def test_a_bug_of_ours_gives_its_place_back() -> None:
    async def break_down(_: Send) -> None:
        raise RuntimeError

    house = House(LiteLLM(break_down))
    with pytest.raises(RuntimeError):
        await house.chat()

    assert house.places.taken == 0


async def test_a_401_says_how_to_come_back() -> None:
    client = await House(LiteLLM()).chat(None)

    assert client.headers["www-authenticate"] == "Bearer"
    assert client.json["error"]["type"] == "authentication_error"


@pytest.mark.parametrize("kind", ["websocket", "webtransport", ""])
async def test_a_socket_is_closed_before_it_opens(kind: str) -> None:
    inner = LiteLLM()
    client = Client()

    await House(inner).front({**scope(), "type": kind}, arriving(), client.send)

    assert client.messages == [{"type": "websocket.close", "code": 1008, "reason": "not served here"}]
    assert inner.scopes == []


async def test_the_start_and_end_of_the_process_are_litellms_own() -> None:
    inner = LiteLLM()
    house = House(inner)

    await house.front({"type": "lifespan"}, arriving(), Client().send)

    assert [each["type"] for each in inner.scopes] == ["lifespan"]
    assert house.starts == 0


async def test_a_probe_needs_no_key_and_leaves_no_line() -> None:
    inner = LiteLLM()
    house = House(inner)

    client = await house.ask("GET", "/health/readiness", key=None)

    assert (client.status, len(inner.scopes), house.events) == (200, 1, [])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_readiness_waits_and_says_for_what(method: str) -> None:
    inner = LiteLLM()
    house = House(inner, waiting_for="the first request is being rehearsed")

    client = await house.ask(method, "/health/readiness", key=None)

    assert client.status == 503
    assert client.json == {"status": "starting", "waiting_for": "the first request is being rehearsed"}
    assert (client.headers["retry-after"], inner.scopes, house.events) == ("1", [], [])


@pytest.mark.parametrize("path", ["/health/liveliness", "/health/liveness"])
async def test_liveliness_waits_for_nothing(path: str) -> None:
    assert (await House(LiteLLM(), waiting_for="something").ask("GET", path, key=None)).status == 200


async def test_a_client_who_comes_before_readiness_is_served() -> None:
    assert (await House(LiteLLM(), waiting_for="something").chat()).status == 200


@pytest.mark.parametrize("path", ["/health/drain", "/waferline/status", "/waferline/circuits"])
@pytest.mark.parametrize(("key", "status"), [(None, 401), ("sk-wrong", 401), ("sk-app", 403), (MASTER, 200)])
async def test_what_is_for_operators_needs_the_master_key(path: str, key: str | None, status: int) -> None:
    inner = LiteLLM()

    client = await House(inner).ask("GET", path, key=key)

    assert status == client.status
    assert (status == 200 and path == "/health/drain") == bool(inner.scopes)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/chat", "/v1/tcp_warming"])
@pytest.mark.parametrize(("key", "status"), [(None, 401), ("sk-app", 200)])
async def test_models_and_warming_need_a_key_and_never_reach_litellm(path: str, key: str | None, status: int) -> None:
    inner = LiteLLM()

    client = await House(inner).ask("GET", path, key=key)

    assert status == client.status
    assert inner.scopes == []


async def test_an_unknown_path_is_refused_before_anybody_asks_for_a_key() -> None:
    house = House(LiteLLM())

    client = await house.ask("POST", "/config/update", {"x": 1}, key=None)

    assert (client.status, client.json["error"]["code"]) == (404, "unknown_path")
    assert [event["outcome"] for event in house.events] == ["refused"]


async def test_litellm_breaking_down_breaks_the_request_and_still_leaves_its_line() -> None:
    async def crash(send: Send) -> None:
        raise RuntimeError("inside")

    house = House(LiteLLM(crash))

    with pytest.raises(RuntimeError, match="inside"):
        await house.chat()

    assert [event["outcome"] for event in house.events] == ["client_gone"]  # the stand-in had heard the farewell
    assert [event["code"] for event in house.events] == ["internal_error"]
    assert current.get() is None


async def test_litellm_ending_in_the_middle_of_a_stream_is_a_broken_answer() -> None:
    async def half(send: Send) -> None:
        start: Message = {"type": "http.response.start", "status": 200, "headers": []}
        await send(start)
        await send({"type": "http.response.body", "body": b": ping\n\n", "more_body": True})

    inner = LiteLLM(half)
    house = House(inner)

    await house.chat(stream=True)

    assert [event["outcome"] for event in house.events] == ["client_gone"]
