"""Limits: which bodies may reach a provider. Whatever is not known to be harmless is refused with a cure."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.policy.limits import DROPPED, FORWARDED, OPERATOR_ONLY, Limits, decide, droppable
from plugins.policy.verdict import Allow, Amend, Refuse

MESSAGES = [{"role": "user", "content": "hi"}]


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "gpt-oss-120b", "messages": MESSAGES, **fields}


def refused(sent: dict[str, Any], limits: Limits | None = None) -> Refuse:
    verdict = decide(limits or Limits(), sent)
    assert isinstance(verdict, Refuse), verdict
    assert verdict.status == 400
    return verdict


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"stream": True},
        {"stream": None},
        {"n": 8, "max_completion_tokens": 131072},
        {"max_tokens": None, "max_completion_tokens": 5},
        {"max_tokens": 5, "max_completion_tokens": None},
        {"tools": None, "temperature": 0.5, "stop": ["x"], "response_format": {"type": "json_object"}},
        {"tools": [{"type": "function"}] * 256},
        {"model": "m" * 128},
        {"model": "模型"},
    ],
)
def test_an_ordinary_request_passes(fields: dict[str, Any]) -> None:
    assert isinstance(decide(Limits(), body(**fields)), Allow)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fallbacks", "gpt-4"),
        ("fallbacks", ["gpt-4"]),
        ("fallbacks", [{"gpt-oss-120b": ["gpt-4"]}]),
        ("fallbacks", [{"model": "gpt-4", "api_base": "http://evil"}]),
        ("context_window_fallbacks", [{"a": ["b"]}]),
        ("content_policy_fallbacks", [{"a": ["b"]}]),
        ("router_settings_override", {"fallbacks": [{"a": ["b"]}]}),
        ("specific_deployment", True),
        ("api_base", "http://169.254.169.254"),
        ("base_url", "http://evil"),
        ("extra_body", {"api_base": "http://evil"}),
        ("extra_headers", {"x": "y"}),
        ("litellm_metadata", {"api_base": "http://evil"}),
        ("api_key", "sk-mine"),
        ("custom_llm_provider", "openai"),
        ("user_config", {}),
        ("model_list", []),
        ("litellm_credential_name", "x"),
        ("mock_response", "hello"),
        ("mock_testing_fallbacks", True),
        ("timeout", 0.001),
        ("stream_timeout", 0.001),
        ("num_retries", 100),
        ("drop_params", True),
        ("cache", {"no-cache": True}),
        ("no-log", True),
        ("input_cost_per_token", 0),
    ],
)
def test_the_operators_fields_are_not_for_clients(field: str, value: Any) -> None:
    refusal = refused(body(**{field: value}))

    assert ("limits.operator_only", "field_not_allowed", field) == (refusal.rule, refusal.code, refusal.param)
    assert repr(field) in refusal.reason


@pytest.mark.parametrize(
    ("field", "hint"),
    [
        ("temprature", "did you mean 'temperature'?"),
        ("max_token", "did you mean 'max_tokens'?"),
        ("Stream", "did you mean 'stream'?"),
        ("reasoning-effort", "did you mean 'reasoning_effort'?"),
        ("enable_thinking", "did you mean 'reasoning_effort'?"),
        ("thinking", "did you mean 'reasoning_effort'?"),
        ("", "leave it out"),
        ("functions", "did you mean 'tools'?"),
        ("__proto__", "leave it out"),
    ],
)
def test_an_unknown_field_is_refused_with_the_likely_word(field: str, hint: str) -> None:
    refusal = refused(body(**{field: 1}))

    assert ("limits.fields", "unknown_field", hint) == (refusal.rule, refusal.code, refusal.cure)


@given(st.text(max_size=40).filter(lambda name: name not in FORWARDED | DROPPED))
def test_no_other_field_gets_through_whatever_its_name(name: str) -> None:
    refused(body(**{name: 1}))


@pytest.mark.parametrize("field", sorted(DROPPED))
def test_what_openai_clients_send_of_their_own_accord_is_left_out_and_said(field: str) -> None:
    verdict = decide(Limits(), body(**{field: "x"}))

    assert isinstance(verdict, Amend)
    assert field in verdict.reason
    assert (field,) == droppable(body(**{field: "x"}))


def test_no_field_is_on_two_lists() -> None:
    assert frozenset() == (FORWARDED & DROPPED) | (FORWARDED & OPERATOR_ONLY) | (DROPPED & OPERATOR_ONLY)


@pytest.mark.parametrize(
    "model",
    [
        None,
        "",
        7,
        True,
        ["gpt-oss-120b"],
        {"model": "gpt-oss-120b"},
        " gpt-oss-120b",
        "gpt-oss-120b ",
        "gpt-oss-120b\n",
        "gpt-oss-120b\r\nX-Injected: 1",
        "gpt-oss\x00-120b",
        "gpt-oss-120b\u200b",
        "gpt-oss-120b\u202e",
        "gpt-oss-120b,llama3.1-8b",
        "gpt-oss-120b,",
        ",",
        "m" * 129,
        "m" * 1_000_000,
    ],
)
def test_a_model_that_is_not_one_plain_name_is_refused_without_repeating_it(model: Any) -> None:
    refusal = refused(body(model=model))

    assert (refusal.rule, refusal.code, refusal.param) == ("limits.model", "invalid_model", "model")
    assert len(refusal.message) < 100


def test_a_request_without_a_model_is_told_where_to_find_one() -> None:
    refusal = refused({"messages": MESSAGES})

    assert refusal.cure == "see GET /v1/models"


@pytest.mark.parametrize("messages", [None, "hi", {}, [], ["hi"], [MESSAGES], [None], [*MESSAGES, "hi"]])
def test_messages_must_be_a_list_of_messages(messages: Any) -> None:
    assert refused(body(messages=messages)).code == "invalid_messages"


@pytest.mark.parametrize("stream", ["true", "false", 1, 0, [], {"on": True}])
def test_stream_is_true_or_false_and_nothing_like_it(stream: Any) -> None:
    refusal = refused(body(stream=stream))

    assert (refusal.code, refusal.param) == ("invalid_stream", "stream")
    assert (repr(stream) if isinstance(stream, (str, int)) else "(was a") in refusal.reason


@pytest.mark.parametrize("options", [True, "yes", [1], 7])
def test_stream_options_are_an_object(options: Any) -> None:
    assert refused(body(stream_options=options)).code == "invalid_stream_options"


@pytest.mark.parametrize("wanted", ["json", 5, ["json_object"]])
def test_a_response_format_is_an_object(wanted: Any) -> None:
    assert refused(body(response_format=wanted)).code == "invalid_response_format"


@pytest.mark.parametrize(
    "message",
    [
        {"content": "hi"},
        {"role": 1, "content": "hi"},
        {"role": "user", "content": 5},
        {"role": "user", "content": ["hi"]},
    ],
)
def test_a_message_has_a_role_and_a_content_that_providers_can_read(message: dict[str, Any]) -> None:
    refusal = refused(body(messages=[*MESSAGES, message]))

    assert (refusal.code, refusal.param) == ("invalid_messages", "messages[1]")


def test_a_refusal_does_not_send_back_a_large_value() -> None:
    assert len(refused(body(stream=[{}] * 1_000_000)).message) < 200
    assert len(refused(body(n=[[]] * 1_000_000)).message) < 200
    assert len(refused(body(**{"x" * 1_000_000: 1})).message) < 300


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 128}, "n"),
        ({"n": 9}, "n"),
        ({"max_tokens": 1_000_000_000}, "max_tokens"),
        ({"max_completion_tokens": 131073}, "max_completion_tokens"),
        ({"messages": MESSAGES * 2001}, "messages"),
        ({"tools": [{}] * 1000}, "tools"),
    ],
)
def test_nobody_can_eat_the_quota_with_one_request(fields: dict[str, Any], param: str) -> None:
    refusal = refused(body(**fields))

    assert ("limit_exceeded", param, f"limits.{param}") == (refusal.code, refusal.param, refusal.rule)
    assert "at most" in refusal.reason


@pytest.mark.parametrize("field", ["n", "max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("value", ["128", "1e9", -1, 0, 1.5, 1e9, True, [9], {"n": 9}])
def test_a_bound_cannot_be_passed_by_something_that_is_read_as_a_number_later(field: str, value: Any) -> None:
    refusal = refused(body(**{field: value}))

    assert ("invalid_number", field) == (refusal.code, refusal.param)


def test_both_token_limits_at_once_are_refused_because_cerebras_would() -> None:
    refusal = refused(body(max_tokens=5, max_completion_tokens=5))

    assert (refusal.code, refusal.cure) == ("invalid_max_tokens", "send 'max_completion_tokens' only")


def test_the_operator_may_set_the_bounds() -> None:
    assert isinstance(decide(Limits(choices=200), body(n=128)), Allow)
    assert refused(body(max_tokens=513), Limits(completion_tokens=512)).code == "limit_exceeded"


@pytest.mark.parametrize("sent", [body(**{"x" * 100_000: 1}), body(stream="y" * 100_000), body(n="z" * 100_000)])
def test_a_refusal_does_not_send_back_what_was_too_long_to_read(sent: dict[str, Any]) -> None:
    refusal = refused(sent)

    assert len(refusal.message) < 250
    assert len(refusal.param or "") < 100


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(FORWARDED | DROPPED)) | st.text(max_size=5), json_values, max_size=6))
def test_every_json_object_gets_a_verdict_and_a_served_one_has_a_model_and_messages(sent: dict[str, Any]) -> None:
    verdict = decide(Limits(), sent)

    if not isinstance(verdict, Refuse):
        assert isinstance(sent["model"], str)
        assert sent["messages"]
        assert set(sent) <= FORWARDED | DROPPED
