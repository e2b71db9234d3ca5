"""Limits: which fields a request may carry, and how much of them."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import Field

from plugins.policy.settings import Settings
from plugins.policy.verdict import Allow, Amend, Refuse, Verdict

# OpenAI's chat schema and Cerebras' additions to it: what the providers are asked with.
FORWARDED = frozenset(
    """model messages stream stream_options temperature top_p max_tokens max_completion_tokens min_tokens
    min_completion_tokens n stop seed user frequency_penalty presence_penalty logit_bias logprobs top_logprobs
    response_format tools tool_choice parallel_tool_calls reasoning_effort reasoning_format clear_thinking
    disable_reasoning prediction prompt_cache_key service_tier model_parameters""".split()
)

# Sent by OpenAI clients of their own accord and without effect on the answer. Cerebras answers 400 to them.
DROPPED = frozenset("store metadata safety_identifier prompt_cache_retention verbosity".split())

# The operator's business. A client that could set these would choose its own provider, price or deadline.
OPERATOR_ONLY = frozenset(
    """api_base base_url api_key api_version api_type custom_llm_provider organization user_config model_list
    litellm_credential_name fallbacks context_window_fallbacks content_policy_fallbacks router_settings_override
    specific_deployment num_retries max_retries timeout stream_timeout request_timeout cooldown_time mock_response
    mock_tool_calls mock_testing_fallbacks mock_testing_context_fallbacks mock_testing_content_policy_fallbacks
    mock_testing_rate_limit_error allowed_openai_params drop_params additional_drop_params extra_body extra_headers
    headers callbacks success_callback failure_callback cache caching ttl tags guardrails policies litellm_metadata
    litellm_params input_cost_per_token output_cost_per_token no-log disable_fallbacks""".split()
)

# What other APIs call it, where the word that looks most like it means something else.
_SAME_THING = {
    "thinking": "reasoning_effort",
    "enable_thinking": "reasoning_effort",
    "reasoning": "reasoning_effort",
    "functions": "tools",
    "function_call": "tool_choice",
}
_LONGEST_ECHO = 64
_LEAST = {"messages": 1, "tools": 0, "n": 1, "max_tokens": 1, "max_completion_tokens": 1}


class Limits(Settings):
    """Bounds on one request, so that no single one can eat the quota or the memory."""

    body_megabytes: float = Field(16, gt=0, le=256, description="Size of the request body; images count.")
    depth: int = Field(64, ge=8, le=512, description="Nesting of its JSON.")
    messages: int = Field(2000, ge=1, description="Number of messages.")
    tools: int = Field(256, ge=1, description="Number of tools.")
    choices: int = Field(8, ge=1, description="`n`, the number of answers to one prompt.")
    completion_tokens: int = Field(131072, ge=1, description="max_tokens and max_completion_tokens.")


def decide(limits: Limits, body: Mapping[str, Any]) -> Verdict:
    """Whether the body is one the providers may see; an Amend means that harmless fields are to be left out."""
    return _wrong_field(body) or _wrong_shape(body) or _too_much(limits, body) or _dropping(body)


def droppable(body: Mapping[str, Any]) -> tuple[str, ...]:
    found = DROPPED.intersection(body)
    return tuple(sorted(found)) if found else ()


def _dropping(body: Mapping[str, Any]) -> Verdict:
    dropped = droppable(body)
    if dropped:
        return Amend("limits.fields", f"left out, since Cerebras refuses them: {', '.join(dropped)}")
    return Allow("limits", "within limits")


def _wrong_field(body: Mapping[str, Any]) -> Refuse | None:
    for name in body:
        if name in FORWARDED or name in DROPPED:
            continue
        if name in OPERATOR_ONLY:
            cure = "leave it out; the operator sets it in litellm_config.yaml or policies/"
            return _refuse(
                "limits.operator_only", f"the field {name!r} is not for clients", cure, "field_not_allowed", name
            )
        near = [_SAME_THING[name]] if name in _SAME_THING else get_close_matches(name[:_LONGEST_ECHO], FORWARDED, n=1)
        cure = f"did you mean {near[0]!r}?" if near else "leave it out"
        shown = name[:_LONGEST_ECHO]
        return _refuse("limits.fields", f"the field {shown!r} is not supported", cure, "unknown_field", shown)
    return None


def _wrong_shape(body: Mapping[str, Any]) -> Refuse | None:
    model, messages = body.get("model"), body.get("messages")
    if not isinstance(model, str) or not model:
        return _refuse(
            "limits.model", "'model' must be the name of a model", "see GET /v1/models", "invalid_model", "model"
        )
    if len(model) > 128 or not model.isprintable() or model != model.strip() or "," in model:
        cure = "name one model of GET /v1/models"
        return _refuse("limits.model", "'model' is not the name of one model", cure, "invalid_model", "model")
    if not isinstance(messages, list) or not messages or not all(isinstance(each, dict) for each in messages):
        cure = 'send at least one {"role": ..., "content": ...}'
        return _refuse("limits.messages", "'messages' must be a list of messages", cure, "invalid_messages", "messages")
    return _wrong_message(messages) or _wrong_streaming(body) or _said_twice(body)


def _wrong_message(messages: list[dict[str, Any]]) -> Refuse | None:
    for index, message in enumerate(messages):
        content = message.get("content")
        parts = content if isinstance(content, list) else ()
        if not isinstance(message.get("role"), str):
            what, cure = "has no role", "send user, assistant, system, developer or tool"
        elif not (
            content is None or (isinstance(content, (str, list)) and all(isinstance(each, dict) for each in parts))
        ):
            what, cure = "has a content that is neither text nor a list of parts", "send a string"
        else:
            continue
        reason = f"'messages[{index}]' {what}"
        return _refuse("limits.messages", reason, cure, "invalid_messages", f"messages[{index}]")
    return None


def _wrong_streaming(body: Mapping[str, Any]) -> Refuse | None:
    stream, options = body.get("stream"), body.get("stream_options")
    if stream is not None and not isinstance(stream, bool):
        cure = "send it without quotes"
        return _refuse(
            "limits.stream", f"'stream' must be true or false (was {_shown(stream)})", cure, "invalid_stream", "stream"
        )
    wanted = body.get("response_format")
    if wanted is not None and not isinstance(wanted, dict):
        cure = 'send {"type": "json_schema", ...}'
        reason = f"'response_format' must be an object (was {_shown(wanted)})"
        return _refuse("limits.response_format", reason, cure, "invalid_response_format", "response_format")
    if options is not None and not isinstance(options, dict):
        cure = 'send {"include_usage": true}'
        reason = f"'stream_options' must be an object (was {_shown(options)})"
        return _refuse("limits.stream_options", reason, cure, "invalid_stream_options", "stream_options")
    return None


def _said_twice(body: Mapping[str, Any]) -> Refuse | None:
    if body.get("max_tokens") is None or body.get("max_completion_tokens") is None:
        return None
    cure = "send 'max_completion_tokens' only"
    reason = "'max_tokens' and 'max_completion_tokens' say the same thing twice"
    return _refuse("limits.max_tokens", reason, cure, "invalid_max_tokens", "max_tokens")


def _too_much(limits: Limits, body: Mapping[str, Any]) -> Refuse | None:
    tools = body.get("tools")
    counted = {
        "messages": (len(body["messages"]), limits.messages),
        "tools": (len(tools) if isinstance(tools, list) else 0, limits.tools),
        "n": (body.get("n"), limits.choices),
        "max_tokens": (body.get("max_tokens"), limits.completion_tokens),
        "max_completion_tokens": (body.get("max_completion_tokens"), limits.completion_tokens),
    }
    for name, (value, most) in counted.items():
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < _LEAST[name]:
            # Some providers read "128" as a number, and Cerebras reads -1 as the most it has: both would pass a bound.
            reason = f"{name!r} must be a whole number of at least {_LEAST[name]} (was {_shown(value)})"
            return _refuse(f"limits.{name}", reason, "send such a number, or leave it out", "invalid_number", name)
        if value > most:
            reason = f"{name!r} is {value}, and at most {most} is served"
            cure = "ask for less, or have the operator raise it in policies/access.yaml"
            return _refuse(f"limits.{name}", reason, cure, "limit_exceeded", name)
    return None


def _shown(value: object) -> str:
    """What was sent, without sending all of it back."""
    if isinstance(value, str):
        return repr(value[:_LONGEST_ECHO])
    return (
        "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else repr(value)[:_LONGEST_ECHO]
    )


def _refuse(rule: str, reason: str, cure: str, code: str, param: str) -> Refuse:
    return Refuse(rule, reason, cure, 400, code, param=param)
