"""The door: what is not on the short list of paths is not there, and no body gets in that could hurt."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.front import guard
from plugins.front.asgi import Message
from plugins.front.guard import PATHS, Endpoint, bearer, endpoint_of, read_json, request_id
from plugins.policy.limits import Limits
from plugins.policy.verdict import Refuse
from tests.front.cases import arriving, scope

SMALL = Limits(body_megabytes=0.001)  # 1,048 bytes


# ---- paths --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [
        ("POST", "/v1/chat/completions", Endpoint.CHAT),
        ("POST", "/chat/completions", Endpoint.CHAT),
        ("GET", "/v1/models", Endpoint.MODELS),
        ("GET", "/models", Endpoint.MODELS),
        ("GET", "/v1/models/gpt-oss-120b", Endpoint.MODEL),
        ("GET", "/v1/models/provider/with/slashes", Endpoint.MODEL),
        ("GET", "/v1/tcp_warming", Endpoint.WARMING),
        ("GET", "/health/readiness", Endpoint.READINESS),
        ("HEAD", "/health/liveliness", Endpoint.HEALTH),
        ("GET", "/health/drain", Endpoint.DRAIN),
        ("GET", "/waferline/status", Endpoint.STATUS),
        ("GET", "/waferline/circuits", Endpoint.CIRCUITS),
        ("POST", "/waferline/circuits/force", Endpoint.FORCE),
    ],
)
def test_these_paths_lead_somewhere(method: str, path: str, endpoint: Endpoint) -> None:
    assert endpoint is endpoint_of(method, path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "*",
        "/v1/chat/completions/",
        "/v1/chat/completions ",
        "/v1/chat/completions\x00",
        "/v1/chat/completions;x=1",
        "/v1/chat/completions?x=1",
        "/v1/chat/completions%2f",
        "/v1/chat%2fcompletions",
        "/V1/chat/completions",
        "/v1/Chat/Completions",
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/./v1/chat/completions",
        "/v1/../v1/chat/completions",
        "/v1/chat/completions/../../../config/update",
        "v1/chat/completions",
        "http://evil/v1/chat/completions",
        "/v1/models\\..",
        "/modelsX",
        "/engines/x/chat/completions",
        "/openai/deployments/x/chat/completions",
        "/v1/completions",
        "/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/embeddings",
        "/v1/moderations",
        "/v1/rerank",
        "/v1/batches",
        "/v1/realtime",
        "/v1beta/models/gpt:generateContent",
        "/openai_passthrough/v1/chat/completions",
        "/rag/query",
        "/prompts/test",
        "/utils/transform_request",
        "/health",
        "/health/services",
        "/metrics",
        "/readyz",
        "/docs",
        "/openapi.json",
        "/ui",
        "/key/generate",
        "/config/update",
        "/model/info",
        "/router/settings",
        "/mcp-rest/test/connection",
        "/sso/key/generate",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_no_other_path_leads_anywhere(method: str, path: str) -> None:
    refusal = endpoint_of(method, path)

    assert isinstance(refusal, Refuse)
    assert (refusal.status, refusal.code) == (404, "unknown_path")


@pytest.mark.parametrize(
    ("method", "path"),
    [(method, path) for path in PATHS for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "")],
)
def test_a_path_answers_to_its_own_method_only(method: str, path: str) -> None:
    refusal = endpoint_of(method, path)

    assert isinstance(refusal, Refuse)
    assert (405, "method_not_allowed", f"use {PATHS[path][0]}") == (refusal.status, refusal.code, refusal.cure)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("HEAD", "/v1/models"),
        ("HEAD", "/health/drain"),
        ("POST", "/health/drain"),
        ("POST", "/v1/models/x"),
        ("GET", "/v1/chat/completions"),
    ],
)
def test_only_a_probe_may_ask_for_the_head(method: str, path: str) -> None:
    assert isinstance(endpoint_of(method, path), Refuse)


@given(st.text(max_size=300))
def test_a_path_of_any_kind_gets_an_answer_that_does_not_repeat_it_at_length(path: str) -> None:
    found = endpoint_of("POST", path)

    assert isinstance(found, Refuse) or path in PATHS
    assert not isinstance(found, Refuse) or len(found.message) < 1100


# ---- headers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("Bearer sk-1", "sk-1"),
        ("bearer sk-1", "sk-1"),
        ("Bearer   sk-1  ", "sk-1"),
        ("Bearer sk 1", "sk 1"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic sk-1", None),
        ("sk-1", None),
        ("", None),
    ],
)
def test_a_key_comes_as_a_bearer_token_and_in_no_other_way(value: str, key: str | None) -> None:
    assert key == bearer(scope(authorization=value))


def test_a_key_in_another_header_is_not_seen() -> None:
    assert None is bearer(scope(x_api_key="sk-1", api_key="sk-1"))


@pytest.mark.parametrize("given_id", ["abc", "a.b_c-1", "x" * 128])
def test_a_clients_own_request_id_is_kept(given_id: str) -> None:
    assert given_id == request_id(scope(x_request_id=given_id))


@pytest.mark.parametrize("given_id", ["", "a b", "a\tb", "é", 'a"', "x" * 129, "a\n"])
def test_a_request_id_unfit_for_the_log_is_replaced(given_id: str) -> None:
    made = request_id(scope(x_request_id=given_id))

    assert made.startswith("wl-")
    assert made != request_id(scope())


# ---- bodies -------------------------------------------------------------------------------------------------------


async def read(*parts: bytes, limits: Limits | None = None, whole: bool = True, **headers: str) -> Any:
    return await read_json(scope(**headers), arriving(*parts, whole=whole), limits or Limits())


async def test_a_body_may_come_in_parts() -> None:
    assert await read(b'{"a":', b'[1,"', "é".encode(), b'"]}') == {"a": [1, "é"]}


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b'{"a":1}{"b":2}', "invalid_json"),
        (b'{"a":NaN}', "invalid_json"),
        (b'{"a":Infinity}', "invalid_json"),
        (b"{'a':1}", "invalid_json"),
        (b'{"a":1,}', "invalid_json"),
        (b'{"a":"\\ud800"}', "invalid_json"),
        (b'{"a":"\xff"}', "invalid_json"),
        ('{"a":1}'.encode("utf-16"), "invalid_json"),
        ('{"a":1}'.encode("utf-32"), "invalid_json"),
        (b'\xef\xbb\xbf{"a":1}', "invalid_json"),
        (gzip.compress(b'{"a":1}'), "invalid_json"),
        (b"[]", "invalid_json"),
        (b'"text"', "invalid_json"),
        (b"null", "invalid_json"),
        (b"model=x&messages=y", "invalid_json"),
        (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", "invalid_json"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "invalid_json"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "too_deep"),
    ],
)
async def test_what_is_not_one_json_object_is_refused(raw: bytes, code: str) -> None:
    refusal = await read(raw)

    assert isinstance(refusal, Refuse)
    assert (400, code, "front.body") == (refusal.status, refusal.code, refusal.rule)
    assert len(refusal.message) < 300


@pytest.mark.parametrize("innermost", [b"{}", b'{"a":1}', b'{"a":"x"}'])
@pytest.mark.parametrize(("depth", "fits"), [(63, True), (64, True), (65, False)])
async def test_depth_counts_objects_and_lists_whatever_the_innermost_holds(
    innermost: bytes, depth: int, fits: bool
) -> None:
    raw = b'{"a":[]}' if depth < 2 else b'{"a":' * (depth - 1) + innermost + b"}" * (depth - 1)

    assert fits == isinstance(await read(raw), dict)


async def test_braces_within_text_are_no_depth() -> None:
    assert isinstance(await read(b'{"a":"' + b"[{" * 5000 + b'"}'), dict)


async def test_a_compressed_body_is_not_unpacked() -> None:
    refusal = await read(gzip.compress(b"0" * 10**6), content_encoding="gzip")

    assert isinstance(refusal, Refuse)
    assert (refusal.status, refusal.code) == (415, "unsupported_encoding")
    assert isinstance(await read(b"{}", content_encoding="identity"), dict)


@pytest.mark.parametrize(
    ("length", "status"),
    [("1048", None), ("1049", 413), ("999999999999", 413), ("-1", 400), ("x", 400), ("²", 400), ("9" * 5000, 400)],
)
async def test_a_length_is_believed_before_the_body_is_read(length: str, status: int | None) -> None:
    found = await read(b"{}", limits=SMALL, content_length=length)

    assert status == (found.status if isinstance(found, Refuse) else None)


async def test_the_refusal_of_a_large_body_names_the_bound_even_when_it_is_small() -> None:
    found = await read(b"{}", limits=Limits(body_megabytes=0.5), content_length="9999999")

    assert isinstance(found, Refuse)
    assert found.reason == "the body is larger than 0.5 MB"


async def test_an_endless_body_is_left_at_the_bound_and_not_kept() -> None:
    parts = 0

    async def endless() -> Message:
        nonlocal parts
        parts += 1
        return {"type": "http.request", "body": b"x" * 100_000, "more_body": True}

    tracemalloc.start()
    refusal = await read_json(scope(), endless, Limits(body_megabytes=1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert isinstance(refusal, Refuse)
    assert (refusal.status, refusal.code) == (413, "body_too_large")
    assert parts == 11
    assert peak < 2.5 * 2**20


async def test_a_client_that_leaves_in_the_middle_is_not_answered_for_half_a_body() -> None:
    refusal = await read(b'{"a":', whole=False)

    assert isinstance(refusal, Refuse)
    assert refusal.code == "incomplete_body"


async def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.01)

    async def silent() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("it never says anything")

    refusal = await read_json(scope(), silent, Limits())

    assert isinstance(refusal, Refuse)
    assert (refusal.status, refusal.code) == (408, "body_too_slow")
