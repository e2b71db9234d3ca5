"""What Cerebras refuses in a chat body. Pure: a body in, the first refusal out, or none."""

from collections.abc import Callable, Iterator
from typing import Any

from simulator.answer import max_tokens, prompt_tokens
from simulator.catalog import Model
from simulator.knobs import Knobs
from simulator.refusals import Refusal, context_exceeded, invalid, unsupported
from simulator.schema import violation

BODY = frozenset(
    "messages model clear_thinking disable_reasoning frequency_penalty logit_bias logprobs max_completion_tokens "
    "max_tokens min_completion_tokens min_tokens model_parameters n parallel_tool_calls prediction presence_penalty "
    "prompt_cache_key queue_threshold reasoning_effort reasoning_format response_format seed service_tier stop stream "
    "stream_options temperature tool_choice tools top_logprobs top_p user".split()
)
MESSAGE = {
    "system": frozenset({"role", "content", "name"}),
    "developer": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset({"role", "content", "name", "reasoning", "tool_calls"}),
    "tool": frozenset({"role", "content", "name", "tool_call_id"}),
}
FORMATS = ("none", "parsed", "text_parsed", "raw", "hidden")
TIERS = ("auto", "default", "flex", "priority")


def refusal(body: object, model: Model, knobs: Knobs) -> Refusal | None:
    """The refusal of a body as sent, with `model` already known to live."""
    if not knobs.strict or not isinstance(body, dict):
        return None
    for rule in _RULES:
        message = rule(body, model)
        if message:
            return invalid(message, status=knobs.validation_status)
    unknown = list(_unknown(body))
    if unknown:
        return unsupported(unknown, knobs.validation_status)
    return _too_long(body, model, knobs)


def shape(body: object) -> Refusal | None:
    """What no persona can answer."""
    if not isinstance(body, dict):
        return invalid("body: a JSON object is required")
    if not isinstance(body.get("model"), str):
        return invalid("body.model: field required")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(message, dict) for message in messages):
        return invalid("body.messages: a non-empty list of messages is required")
    tools = body.get("tools") or []
    if not isinstance(tools, list) or not all(_is_tool(tool) for tool in tools):
        return invalid("body.tools: each tool needs a function with a name")
    return _wrong_types(body)


def _wrong_types(body: dict[str, Any]) -> Refusal | None:
    for name in ("response_format", "stream_options"):
        if not isinstance(body.get(name), dict | None):
            return invalid(f"body.{name}: an object is required")
    for name in ("max_tokens", "max_completion_tokens", "n"):
        value = body.get(name)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            return invalid(f"body.{name}: an integer is required")
    if not 1 <= (body.get("n") or 1) <= 16:
        return invalid("body.n: must be between 1 and 16")
    return None


def _is_tool(tool: object) -> bool:
    function = tool.get("function") if isinstance(tool, dict) else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _unknown(body: dict[str, Any]) -> Iterator[str]:
    yield from (f"body.{name}" for name in body if name not in BODY)
    for index, message in enumerate(body["messages"]):
        role = str(message.get("role"))
        known = MESSAGE.get(role, frozenset())
        yield from (f"messages.{index}.{role}.{name}" for name in message if name not in known)


def _two_limits(body: dict[str, Any], _: Model) -> str | None:
    if body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None:
        return "body: 'max_tokens' and 'max_completion_tokens' cannot both be set"
    return None


def _roles(body: dict[str, Any], _: Model) -> str | None:
    for index, message in enumerate(body["messages"]):
        if message.get("role") not in MESSAGE:
            return f"messages.{index}.role: must be one of {', '.join(MESSAGE)}"
        if message["role"] != "assistant" and message.get("content") is None:
            return f"messages.{index}.{message['role']}.content: field required"
    return None


def _effort(body: dict[str, Any], model: Model) -> str | None:
    effort = body.get("reasoning_effort")
    if effort is not None and effort not in model.efforts:
        return (
            f"body.reasoning_effort: {effort!r} is not supported by {model.id}, use one of {', '.join(model.efforts)}"
        )
    if body.get("disable_reasoning") is not None and model.reasoning == "always":
        return "body.disable_reasoning: property 'body.disable_reasoning' is unsupported"
    return None


def _choices(body: dict[str, Any], _: Model) -> str | None:
    if body.get("reasoning_format") not in (None, *FORMATS):
        return f"body.reasoning_format: must be one of {', '.join(FORMATS)}"
    if body.get("service_tier") not in (None, *TIERS):
        return f"body.service_tier: must be one of {', '.join(TIERS)}"
    stop = body.get("stop")
    return "body.stop: at most 4 sequences are allowed" if isinstance(stop, list) and len(stop) > 4 else None


def _ranges(body: dict[str, Any], _: Model) -> str | None:
    for name, low, high in (("temperature", 0, 2), ("top_p", 0, 1), ("top_logprobs", 0, 20)):
        value = body.get(name)
        if value is not None and (not isinstance(value, int | float) or not low <= value <= high):
            return f"body.{name}: must be between {low} and {high}"
    return "body.logit_bias: at most 100 entries are allowed" if len(body.get("logit_bias") or ()) > 100 else None


def _json_stream(body: dict[str, Any], _: Model) -> str | None:
    if body.get("stream") and (body.get("response_format") or {}).get("type") == "json_object":
        return "body.response_format: 'json_object' is not supported with streaming"
    return None


def _prediction(body: dict[str, Any], model: Model) -> str | None:
    if body.get("prediction") is not None and not model.prediction:
        return '"prediction" is not currently supported'
    return None


def _tools_and_format(body: dict[str, Any], model: Model) -> str | None:
    formatted = (body.get("response_format") or {}).get("type") in ("json_object", "json_schema")
    if body.get("tools") and formatted and not model.tools_with_format:
        return "body.response_format: 'tools' and 'response_format' cannot be used together with this model"
    return None


def _strict_tools(body: dict[str, Any], _: Model) -> str | None:
    functions = [tool["function"] for tool in body.get("tools") or []]
    values = {bool(function.get("strict", False)) for function in functions}
    if len(values) > 1:
        return "Tools with mixed values for 'strict' are not allowed. Please set all tools to the same value."
    wrong = (
        violation(function.get("parameters") or {"type": "object"}) for function in functions if function.get("strict")
    )
    return next((message for message in wrong if message), None)


def _strict_format(body: dict[str, Any], _: Model) -> str | None:
    described = (body.get("response_format") or {}).get("json_schema") or {}
    return violation(described.get("schema") or {}) if described.get("strict") else None


def _too_long(body: dict[str, Any], model: Model, knobs: Knobs) -> Refusal | None:
    limit = knobs.context_limit or model.context
    current = prompt_tokens(body) + (max_tokens(body) or 0)
    return context_exceeded(current, limit) if current > limit else None


_RULES: tuple[Callable[[dict[str, Any], Model], str | None], ...] = (
    _two_limits,
    _roles,
    _effort,
    _choices,
    _ranges,
    _json_stream,
    _prediction,
    _tools_and_format,
    _strict_tools,
    _strict_format,
)
