"""Whatever form a request takes, a model that policy refuses is not called."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.end_to_end.conftest import BOT_KEY, EXPIRED_KEY
from tests.support.gateway import MASTER_KEY, Gateway
from tests.support.provider import Provider

MESSAGES = [{"role": "user", "content": "hi"}]
RETIRED = "llama-3.3-70b"


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "gpt-oss-120b", "messages": MESSAGES, "stream": True, **fields}


def error(response: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = response.json()["error"]
    return found


@pytest.mark.parametrize(
    ("model", "status", "code", "says"),
    [
        (RETIRED, 404, "model_retired", "retired by Cerebras on 2026-02-16; use 'gpt-oss-120b' instead"),
        ("gemma-4-31b", 404, "model_retired", "use 'qwen-3.8-27b' instead"),
        ("qwen-3-coder-480b", 404, "model_retired", "Cerebras named no live successor"),
        ("kimi-k2.6", 403, "model_blocked", "dedicated endpoints only"),
        ("llama-3.1-8b", 404, "model_retired", "use 'gpt-oss-120b' instead"),
        ("gpt-oss-12b", 404, "model_not_found", "did you mean 'gpt-oss-120b'?"),
        ("cerebras/llama-3.3-70b", 404, "model_not_found", "is not served here"),
        ("cerebras/gpt-oss-120b", 404, "model_not_found", "is not served here"),
        ("fallback/gpt-oss-120b", 404, "model_not_found", "is not served here"),
        ("openai/*", 404, "model_not_found", "is not served here"),
        ("gpt-oss-120b,llama-3.3-70b", 400, "invalid_model", "not the name of one model"),
        ("llama-3.3-70b,", 400, "invalid_model", "not the name of one model"),
        (" llama-3.3-70b", 400, "invalid_model", "not the name of one model"),
        ("gpt-oss-120b\u0000", 400, "invalid_model", "not the name of one model"),
        ("x" * 129, 400, "invalid_model", "not the name of one model"),
        (["gpt-oss-120b"], 400, "invalid_model", "must be the name of a model"),
        (None, 400, "invalid_model", "must be the name of a model"),
    ],
)
def test_a_model_that_may_not_be_served_is_not_called(
    waferline: Gateway, primary: Provider, fallback: Provider, model: Any, status: int, code: str, says: str
) -> None:
    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json=body(model=model))

    assert (response.status_code, error(response)["code"]) == (status, code)
    assert says in error(response)["message"]
    assert primary.chats() + fallback.chats() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"fallbacks": [RETIRED]},
        {"fallbacks": RETIRED},
        {"fallbacks": [{"model": RETIRED}]},
        {"model": "nonsense", "fallbacks": [RETIRED]},
        {"context_window_fallbacks": [{"gpt-oss-120b": [RETIRED]}]},
        {"router_settings_override": {"fallbacks": [{"gpt-oss-120b": [RETIRED]}]}},
        {"api_base": "http://127.0.0.1:9/v1"},
        {"base_url": "http://127.0.0.1:9/v1"},
        {"extra_body": {"model": RETIRED}},
        {"litellm_metadata": {"model": RETIRED}},
        {"api_key": "sk-somebody-elses"},
        {"custom_llm_provider": "anthropic"},
        {"user_config": {"model_list": []}},
        {"specific_deployment": True},
        {"mock_response": "hello"},
        {"timeout": 0.001},
        {"stream_timeout": 0.001},
        {"num_retries": 10},
        {"fastest_response": True, "model": f"gpt-oss-120b,{RETIRED}"},
        {"models": [RETIRED]},
        {"n": 128},
        {"max_completion_tokens": 10**9},
        {"stream": "false"},
        {"messages": []},
        {"messages": "hi"},
        {"tools": [{}] * 1000},
    ],
    ids=lambda fields: json.dumps(fields)[:50],
)
def test_a_field_that_would_overrule_the_operator_is_refused(
    waferline: Gateway, primary: Provider, fallback: Provider, fields: dict[str, Any]
) -> None:
    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json=body(**fields))

    assert response.status_code == 400, response.text
    assert error(response)["message"].count("; ") >= 1  # what and cure
    assert primary.chats() + fallback.chats() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/completions"),
        ("POST", "/v1/responses"),
        ("POST", "/v1/messages"),
        ("POST", "/v1/embeddings"),
        ("POST", "/v1/moderations"),
        ("POST", "/v1/rerank"),
        ("POST", "/engines/llama-3.3-70b/chat/completions"),
        ("POST", "/openai/deployments/llama-3.3-70b/chat/completions"),
        ("POST", "/v1beta/models/llama-3.3-70b:generateContent"),
        ("POST", "/openai_passthrough/chat/completions"),
        ("POST", "/v1/rag/query"),
        ("POST", "/v1/batches"),
        ("POST", "/prompts/test"),
        ("POST", "/utils/transform_request"),
        ("POST", "/v1/chat/completions/"),
        ("POST", "/v1/chat/completions%00"),
        ("POST", "/V1/chat/completions"),
        ("GET", "/health"),
        ("GET", "/model/info"),
        ("GET", "/router/settings"),
        ("GET", "/credentials"),
        ("GET", "/openapi.json"),
        ("GET", "/"),
        ("GET", "/ui/"),
        ("GET", "/metrics"),
        ("GET", "/v1/chat/completions"),
        ("DELETE", "/v1/models"),
    ],
)
def test_no_other_path_leads_to_litellm(
    waferline: Gateway, primary: Provider, fallback: Provider, method: str, path: str
) -> None:
    with waferline.client() as client:
        response = client.request(method, path, json=body(model=RETIRED))

    assert response.status_code in {404, 405}
    assert error(response)["code"] in {"unknown_path", "method_not_allowed"}
    assert primary.chats() + fallback.chats() == []


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ({}, "no API key was sent"),
        ({"authorization": "Bearer"}, "no API key was sent"),
        ({"authorization": f"Basic {MASTER_KEY}"}, "no API key was sent"),
        ({"api-key": MASTER_KEY}, "no API key was sent"),
        ({"authorization": f"Bearer {MASTER_KEY}x"}, "not known here"),
        ({"authorization": f"Bearer {EXPIRED_KEY}"}, "expired on 2026-01-31"),
    ],
)
def test_a_bad_key_is_401_in_openais_shape(waferline: Gateway, headers: dict[str, str], says: str) -> None:
    response = httpx.post(f"{waferline.url}/v1/chat/completions", json=body(), headers=headers)

    assert (response.status_code, error(response)["code"]) == (401, "invalid_api_key")
    assert says in error(response)["message"]
    assert MASTER_KEY not in response.text


def test_a_client_may_use_what_its_row_says_and_nothing_else(waferline: Gateway, primary: Provider) -> None:
    with waferline.client(BOT_KEY) as client:
        chat = client.post("/v1/chat/completions", json=body(model="chat"))
        direct = client.post("/v1/chat/completions", json=body(model="gpt-oss-120b"))
        listed = [row["id"] for row in client.get("/v1/models").json()["data"]]

    assert chat.status_code == 200
    assert (direct.status_code, error(direct)["code"]) == (403, "model_not_allowed")
    assert "it may use chat, voice" in error(direct)["message"]
    assert listed == ["voice", "chat"]


@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        (b'{"model": "gpt-oss-120b"', {}, 400),
        (b"[]", {}, 400),
        (b'{"model": NaN}', {}, 400),
        ('{"model": "gpt-oss-120b"}'.encode("utf-16"), {}, 400),
        (b'{"messages":' + b"[" * 5000 + b"]" * 5000 + b"}", {}, 400),
        (b"\x1f\x8b\x08", {"content-encoding": "gzip"}, 415),
        (b"x" * (17 * 2**20), {}, 413),
    ],
    ids=["cut", "list", "nan", "utf-16", "deep", "gzip", "large"],
)
def test_a_body_that_is_not_a_decent_json_object_is_refused_at_the_door(
    waferline: Gateway, primary: Provider, raw: bytes, headers: dict[str, str], status: int
) -> None:
    with waferline.client() as client:
        response = client.post("/v1/chat/completions", content=raw, headers=headers)

    assert response.status_code == status
    assert error(response)["message"]
    assert primary.chats() == []


def test_headers_cannot_overrule_the_operators_deadlines(waferline: Gateway, primary: Provider) -> None:
    headers = {"x-litellm-timeout": "0.001", "x-litellm-stream-timeout": "0.001", "x-litellm-num-retries": "5"}
    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json=body(), headers=headers)

    assert response.status_code == 200
    assert response.headers["x-waferline-attempts"] == "1"


def test_what_cerebras_would_refuse_without_need_is_left_out_and_said(waferline: Gateway, primary: Provider) -> None:
    with waferline.client() as client:
        response = client.post("/v1/chat/completions", json=body(store=False, metadata={"a": "b"}))

    assert response.status_code == 200
    assert response.headers["x-waferline-dropped"] == "metadata, store"
    assert not {"store", "metadata"} & set(primary.chats()[0]["body"])
