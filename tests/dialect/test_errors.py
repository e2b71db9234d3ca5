"""How providers say no: four shapes and much that is none, read without repeating what is nobody's business."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.dialect.openai import UpstreamError, presentable, read_error

UNREADABLE = "the provider answered 502 without a reason that can be read"


def read(payload: Any, secret: str | None = None) -> UpstreamError:
    return read_error(502, payload if isinstance(payload, bytes) else json.dumps(payload).encode(), secret)


@pytest.mark.parametrize(
    ("payload", "message", "kind", "param", "code"),
    [
        (
            {"message": "no such model", "type": "not_found_error", "param": "model", "code": "model_not_found"},
            "no such model",
            "not_found_error",
            "model",
            "model_not_found",
        ),
        ({"error": {"message": "slow down", "type": "t", "code": 429}}, "slow down", "t", None, "429"),
        ({"error": {"message": "x", "type": None, "param": ["a"], "code": True}}, "x", None, None, None),
        ({"error": "just a sentence"}, "just a sentence", None, None, None),
        ({"error": None, "message": "flat after all", "code": "c"}, "flat after all", None, None, "c"),
        ({"detail": "not found"}, "not found", None, None, None),
        ({"error": {"detail": "inner"}}, "inner", None, None, None),
        ({"error": {}}, "the provider answered 502", None, None, None),
        ({}, "the provider answered 502", None, None, None),
        ("a bare string", "a bare string", None, None, None),
    ],
)
def test_every_known_shape_is_read(
    payload: Any, message: str, kind: str | None, param: str | None, code: str | None
) -> None:
    assert UpstreamError(502, message, kind, param, code) == read(payload)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"<html><body>Sorry, you have been blocked</body></html>",
        b"upstream connect error",
        b"\xff\xfe\x00",
        b"{",
        b"null",
        b"[]",
        b"17",
        b'""',
        b"true",
        b"[" * 5000,
        b'{"a":' * 5000,
        b"9" * 10_000,
        json.dumps({"message": "cut"}).encode()[:-3],
    ],
)
def test_whatever_cannot_be_read_says_so_and_nothing_else(payload: bytes) -> None:
    assert UpstreamError(502, UNREADABLE) == read(payload)


@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd_to_be_an_error(payload: bytes) -> None:
    assert read(payload).status == 502


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "message", "detail", "type", "code", "param"]), inner, max_size=4)
    ),
)


@given(json_values)
def test_every_json_is_an_error_of_texts(payload: Any) -> None:
    told = read(payload)

    assert isinstance(told.message, str)
    assert all(each is None or isinstance(each, str) for each in (told.type, told.param, told.code))
    assert {"error"} == set(told.as_body())


CANARIES = [
    "sk-waferline-demo-key-for-loopback-only",
    "sk-proj-abcdefGHIJ1234567890",
    "csk-4f8m2n6c3v5x9h7k2j4d8w",
    "gsk_abcdEFGH1234567890abcdEFGH",
    "xai-0123456789abcdef",
    "hf_AbCdEfGhIjKlMnOpQr",
    "Bearer abc.def-ghi",
    "bearer abcdef123456",
    "Basic dXNlcjpwYXNzd29yZA==",
    "AIzaSyA1234567890abcdefghijklmnopqrs",
    "0123456789abcdef0123456789abcdef",
    "sk-abc*****wxyz",
]
ADDRESSES = [
    "http://10.1.2.3:8000/v1",
    "https://llm.internal.example/v1/chat?key=1",
    "redis://:pw@cache:6379/0",
    "10.1.2.3:8000",
    "192.168.0.7",
    "vllm-7.svc:8000",
    "vllm-7.inference.svc.cluster.local",
    "localhost:4000",
]


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("sentence", ["{}", "key {} is wrong", "key '{}', and more", '{{"k":"{}"}}', "a={}&b", "({})"])
def test_a_key_is_never_repeated(canary: str, sentence: str) -> None:
    secret = canary.rsplit(maxsplit=1)[-1]
    told = read({"error": {name: sentence.format(canary) for name in ("message", "type", "param", "code")}})

    assert secret not in json.dumps(told.as_body())
    assert "[key]" in told.message


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("sentence", ["{}", "cannot connect to {} now", "host='{}'", "<{}>"])
def test_an_address_is_never_repeated(address: str, sentence: str) -> None:
    told = read({"message": sentence.format(address), "param": sentence.format(address)})

    assert address not in json.dumps(told.as_body())
    assert "[address]" in told.message


keys = st.builds(
    "{}{}".format,
    st.sampled_from(["sk-", "csk-", "sk-proj-", "gsk_"]),
    st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=8, max_size=48),
)
texts = st.text(max_size=30)


@given(keys, st.text(" .,:;'\"()[]{}<>=\n", min_size=1, max_size=3), texts, texts)
def test_no_key_survives_whatever_stands_around_it(key: str, between: str, before: str, after: str) -> None:
    sentence = before + between + key + between + after
    told = read({"error": {"message": sentence, "code": sentence, "type": sentence, "param": sentence}})

    assert key not in json.dumps(told.as_body(), ensure_ascii=False)


@given(st.text(min_size=4, max_size=40).filter(lambda text: text not in "[key][address]..."), texts, texts)
def test_the_key_that_was_sent_is_never_repeated_whatever_it_looks_like(secret: str, before: str, after: str) -> None:
    told = read({"message": f"{before}{secret}{after}", "code": secret}, secret)

    assert secret not in told.message.replace("[key]", "").replace("[address]", "")
    assert secret not in (told.code or "").replace("[key]", "")


@pytest.mark.parametrize(
    "sentence",
    [
        "Model qwen-3-235b-a22b-instruct-2507 does not exist or you do not have access to it.",
        "Model llama-4-maverick-17b-128e-instruct does not exist",
        "messages.2.assistant.reasoning_content: property 'messages.2.assistant.reasoning_content' is unsupported",
        "Please reduce the length of the messages or completion. Current length is 42328 while limit is 40000",
        "Tools with mixed values for 'strict' are not allowed",
        "Tokens per minute limit exceeded - too many tokens processed.",
        "non-streaming-requests need a well-formed-tool-call",
        "Bearer authentication is required, basic authentication is not supported",
        "wrong_api_key",
        "'max_completion_tokens' must be at most 40960",
        "ratio 3:4 and 12:30",
    ],
)
def test_what_a_person_needs_to_read_is_left_as_it_is(sentence: str) -> None:
    assert sentence == read({"message": sentence}).message


def test_a_novel_is_cut_and_takes_no_time() -> None:
    told = read({"message": "words " * 100_000, "code": "c" * 100_000})

    assert len(told.message) == 503
    assert told.message.endswith("...")
    assert len(told.code or "") == 503


@pytest.mark.parametrize("text", ["a" * 60_000, "a-" * 30_000, "1." * 30_000, "sk-" * 20_000, "a1_" * 20_000])
def test_no_text_makes_masking_slow(text: str) -> None:
    import time  # noqa: PLC0415

    began = time.perf_counter()
    read({"message": text})

    assert time.perf_counter() - began < 0.2


def test_an_error_from_within_a_stream_is_masked_the_same_way() -> None:
    told = presentable(UpstreamError(429, "key sk-proj-abcdefGHIJ1234567890", "at http://10.0.0.1", None, None))

    assert UpstreamError(429, "key [key]", "at [address]", None, None) == told
