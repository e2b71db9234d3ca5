"""The simulator as a provider: who is let in, what it lists, how it limits, and how it is turned while it runs."""

import gzip
import json
from typing import Any

import pytest

from tests.simulator.asking import chat, plain
from tests.simulator.processes import Running, running
from tests.simulator.raw import Heard, get, post


def refused(provider: Running, body: Any, headers: str = "") -> tuple[int, str]:
    answer = post(provider.port, body, headers)
    return answer.status, answer.json["code"]


def put(provider: Running, **knobs: Any) -> Heard:
    return get(provider.port, "/simulator/knobs", method="PUT", body=json.dumps(knobs).encode())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("authorization: Bearer any\r\n", 200),
        ("authorization: \r\n", 401),
        ("authorization: Basic any\r\n", 401),
        ("x-simulator: api_key=right\r\n", 401),
        ("authorization: Bearer right\r\nx-simulator: api_key=right\r\n", 200),
    ],
)
def test_a_key_is_needed_and_the_right_one_when_there_is_one(cerebras: Running, headers: str, status: int) -> None:
    assert post(cerebras.port, plain(), headers).status == status


def test_a_model_that_does_not_live_is_refused_in_the_providers_words(cerebras: Running) -> None:
    answer = post(cerebras.port, plain("llama3.1-8b"))

    assert answer.status == 404
    assert answer.json == {
        "message": "Model llama3.1-8b does not exist or you do not have access to it.",
        "type": "not_found_error",
        "param": "model",
        "code": "model_not_found",
    }


@pytest.mark.parametrize(
    ("headers", "model", "status"),
    [
        ("x-simulator: today=2026-02-17\r\n", "llama3.1-8b", 200),
        ("x-simulator: today=2026-02-17\r\n", "qwen-3.8-27b", 404),
        ("x-simulator: retired_status=503\r\n", "llama3.1-8b", 503),
        ("x-simulator: retired_status=503\r\n", "never-was", 404),
        ("x-simulator: models=a|b\r\n", "b", 200),
        ("x-simulator: models=a|b\r\n", "gpt-oss-120b", 404),
        ("x-simulator: unlisted=gpt-oss-120b\r\n", "gpt-oss-120b", 404),
    ],
)
def test_which_models_live_follows_the_day_and_the_knobs(
    cerebras: Running, headers: str, model: str, status: int
) -> None:
    assert post(cerebras.port, plain(model), headers).status == status


def test_the_openai_persona_takes_any_model_and_any_property(openai: Running) -> None:
    assert post(openai.port, plain("anything", store=True, verbosity="low")).status == 200
    assert (
        post(openai.port, plain("anything"), "x-simulator: models=one\r\n").json["error"]["code"] == "model_not_found"
    )


def test_the_openai_persona_reasons_in_the_field_it_is_told(openai: Running) -> None:
    answer = post(openai.port, chat("any"), "x-simulator: reasoning_field=reasoning_content,reasoning_tokens=4\r\n")

    assert [delta for delta in answer.deltas if delta.get("reasoning_content")]
    assert not [delta for delta in post(openai.port, chat("any")).deltas if "reasoning_content" in delta]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"[" * 5000], ids=["empty", "cut", "list", "text", "deep"])
def test_a_body_that_is_no_object_is_a_400(cerebras: Running, body: bytes) -> None:
    assert post(cerebras.port, body).status == 400


def test_a_provider_may_refuse_to_go_on_with_the_assistants_own_words(openai: Running) -> None:
    body = {**chat("m"), "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "w0001 "}]}

    assert post(openai.port, body).status == 200
    assert post(openai.port, body, "x-simulator: prefill=false\r\n").status == 400
    assert post(openai.port, chat("m"), "x-simulator: prefill=false\r\n").status == 200


def test_a_body_may_be_gzipped(cerebras: Running) -> None:
    body = gzip.compress(json.dumps(plain()).encode())

    assert post(cerebras.port, body, "content-encoding: gzip\r\n").status == 200
    assert post(cerebras.port, b"not gzip", "content-encoding: gzip\r\n").status == 400


def test_a_strict_refusal_reaches_the_client(cerebras: Running) -> None:
    assert refused(cerebras, plain(store=True)) == (400, "wrong_api_format")
    assert refused(cerebras, plain(store=True), "x-simulator: validation_status=422\r\n") == (422, "wrong_api_format")


def test_models_are_listed_with_a_key_and_described_without(cerebras: Running) -> None:
    listed = get(cerebras.port, "/v1/models").json
    public = get(cerebras.port, "/public/v1/models", key="").json

    assert [model["id"] for model in listed["data"]] == ["gpt-oss-120b", "qwen-3.8-27b"]
    assert get(cerebras.port, "/v1/models", key="").status == 401
    assert get(cerebras.port, "/v1/models/gpt-oss-120b").json["owned_by"] == "Cerebras"
    assert get(cerebras.port, "/v1/models/x").status == 404
    assert [model["id"] for model in public["data"]] == ["gpt-oss-120b", "qwen-3.8-27b"]
    assert get(cerebras.port, "/public/v1/models/qwen-3.8-27b", key="").json["limits"]["max_context_length"] == 65_536
    assert get(cerebras.port, "/public/v1/models/x", key="").json == {
        "detail": "Model 'x' not found or not publicly available"
    }
    assert (
        get(cerebras.port, "/public/v1/models?format=openrouter", key="").json["data"][0]["id"]
        == "cerebras/gpt-oss-120b"
    )


def test_warming_needs_a_key_and_model_lists_have_no_rate_limit_headers(cerebras: Running) -> None:
    assert get(cerebras.port, "/v1/tcp_warming").status == 200
    assert get(cerebras.port, "/v1/tcp_warming", key="").status == 401
    assert not [name for name in get(cerebras.port, "/v1/models").headers if name.startswith("x-ratelimit")]


@pytest.mark.parametrize(("path", "status"), [("/", 404), ("/v1/responses", 404), ("/v1/chat/completions", 405)])
def test_what_is_not_offered_is_not_found(cerebras: Running, path: str, status: int) -> None:
    assert get(cerebras.port, path).status == status


def test_requests_are_limited_per_key_and_told_how(cerebras: Running) -> None:
    headers = "authorization: Bearer limited-1\r\nx-simulator: rpm=2,limit_retry_after=true\r\n"
    statuses = [post(cerebras.port, plain(), headers).status for _ in range(3)]
    over = post(cerebras.port, plain(), headers)

    assert statuses == [200, 200, 429]
    assert over.json["message"] == "Requests per minute limit exceeded - too many requests sent."
    assert over.headers["x-ratelimit-limit-requests-minute"] == "2"
    assert over.headers["x-ratelimit-remaining-requests-minute"] == "0"
    assert 50 < float(over.headers["x-ratelimit-reset-requests-minute"]) <= 60
    assert int(over.headers["retry-after"]) in range(28, 31)
    assert post(cerebras.port, plain(), headers.replace("limited-1", "limited-2")).status == 200


def test_a_free_key_that_sets_no_limit_reserves_16384_tokens_and_gets_one_request_a_minute_in_parallel(
    cerebras: Running,
) -> None:
    headers = "authorization: Bearer free-1\r\nx-simulator: tier=free,pause_seconds=0,fault=none\r\n"
    first = post(cerebras.port, plain(), headers)
    told = int(first.headers["x-ratelimit-remaining-tokens-minute"])
    second = post(cerebras.port, plain(max_tokens=20), headers)

    assert told == pytest.approx(30_000 - 16_384, abs=20)
    # What the first did not use came back when it had ended.
    assert int(second.headers["x-ratelimit-remaining-tokens-minute"]) > 29_000


def test_a_token_429_names_its_kind_and_may_name_its_bucket(cerebras: Running) -> None:
    headers = "authorization: Bearer tokens-1\r\nx-simulator: tpm=100\r\n"
    plainly = post(cerebras.port, plain(max_tokens=200), headers)
    named = post(cerebras.port, plain(max_tokens=200), headers.replace("tpm=100", "tpm=100,name_bucket=1"))

    assert plainly.json["code"] == "token_quota_exceeded"
    assert plainly.json["message"] == "Tokens per minute limit exceeded - too many tokens processed."
    assert named.json["message"] == "Uncached tokens per minute limit exceeded - too many tokens processed."


def test_cached_tokens_count_only_to_the_total_bucket(cerebras: Running) -> None:
    long = {**plain(max_tokens=10), "messages": [{"role": "user", "content": "x" * 4000}]}
    headers = "authorization: Bearer cached-1\r\nx-simulator: tpm=500,total_tpm=5000,cached_share={}\r\n"

    assert post(cerebras.port, long, headers.format(0)).status == 429
    answer = post(cerebras.port, long, headers.format(0.9))
    assert (answer.status, answer.json["usage"]["prompt_tokens_details"]["cached_tokens"]) == (200, 896)


def test_an_unlimited_key_is_told_of_limits_that_no_load_reaches(cerebras: Running) -> None:
    headers = post(cerebras.port, plain()).headers

    assert headers["x-ratelimit-limit-requests-day"] == "1440000000"
    assert headers["x-ratelimit-limit-tokens-hour"] == "600000000000"
    assert headers["server"] == "cloudflare"
    assert headers["cf-ray"]


def test_knobs_are_turned_and_restored_while_running() -> None:
    with running("cerebras", first_token=0, pace=90_000, tokens=5) as provider:
        assert put(provider, fault="503", fault_for=1).json["fault"] == "503"
        statuses = [post(provider.port, plain()).status for _ in range(2)]
        put(provider, fault_for=None, retry_after=7)
        during = post(provider.port, plain())
        restored = get(provider.port, "/simulator/knobs", method="DELETE").json
        after = post(provider.port, plain()).status

    assert statuses == [503, 200]
    assert (during.status, during.headers["retry-after"]) == (503, "7")
    assert (restored["fault"], restored["tokens"]) == ("none", 5)
    assert after == 200


def test_a_wrong_knob_is_a_400_in_one_sentence_and_changes_nothing(cerebras: Running) -> None:
    before = get(cerebras.port, "/simulator/knobs").json

    assert put(cerebras, fautl="cut").json == {
        "error": "PUT /simulator/knobs: no knob is called 'fautl', did you mean 'fault'"
    }
    assert put(cerebras, pace=-1, fault="cut").status == 400
    assert get(cerebras.port, "/simulator/knobs").json == before
    assert get(cerebras.port, "/simulator/nobs").status == 404


def test_a_wrong_directive_is_a_400_that_says_where(cerebras: Running) -> None:
    answer = post(cerebras.port, plain("gpt-oss-120b+pacce=5"))

    assert answer.status == 400
    assert answer.json["message"] == "model suffix: no knob is called 'pacce', did you mean 'pace'"


def test_the_header_wins_over_the_model_suffix(cerebras: Running) -> None:
    assert post(cerebras.port, plain("gpt-oss-120b+fault=500"), "x-simulator: fault=503\r\n").status == 503


def test_stats_count_and_the_ledger_can_be_cleared() -> None:
    with running("cerebras", first_token=0, pace=90_000, tokens=5) as provider:
        post(provider.port, plain())
        stats = get(provider.port, "/simulator/stats").json
        before = get(provider.port, "/simulator/requests").json
        cleared = get(provider.port, "/simulator/requests", method="DELETE").json
        after = get(provider.port, "/simulator/requests").json

    assert (stats["requests"], stats["in_flight"], stats["tokens_sent"]) == (1, 0, 5)
    assert stats["connections_opened"] == 2
    assert [(entry["n"], entry["method"], entry["ended"]) for entry in before] == [(1, "POST", "whole")]
    assert (cleared, after) == (before, [])
