"""Cerebras' accent: key order as captured, finish_reason absent until the end, flat errors."""

import hashlib
from typing import Any

from simulator.answer import Answer, Choice, Usage
from simulator.knobs import Knobs
from simulator.refusals import Refusal
from simulator.wire import event

_EDGE = {
    "server": "cloudflare",
    "cf-cache-status": "DYNAMIC",
    "alt-svc": 'h3=":443"; ma=86400',
    "strict-transport-security": "max-age=3600; includeSubDomains",
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
}
# In the captures the total is a little more than its parts.
_UNTOLD_SECONDS = 0.0015
_QUEUE_SECONDS = 0.0003


class CerebrasWire:
    reasoning_field = "reasoning"

    def __init__(self, knobs: Knobs) -> None:
        self._usage_by_default = knobs.usage_by_default
        self._usage_when_off = knobs.usage_when_off

    def role(self, answer: Answer, index: int) -> bytes:
        return _chunk(answer, {"delta": {"role": "assistant"}, "index": index})

    def around(self, answer: Answer, index: int, field: str) -> tuple[bytes, bytes]:
        before, _, after = _chunk(answer, {"delta": {field: ""}, "index": index}).partition(b'""')
        return before, after

    def turn(self, answer: Answer, index: int) -> bytes | None:
        return _chunk(answer, {"delta": {}, "index": index})

    def calls(self, answer: Answer, index: int, choice: Choice) -> list[bytes]:
        """Each call whole in one event."""
        return [
            _chunk(answer, {"delta": {"tool_calls": [{**_call(call), "index": at}]}, "index": index})
            for at, call in enumerate(choice.calls)
        ]

    def finish(self, answer: Answer, index: int, choice: Choice, last: bool) -> bytes:
        data = _envelope(
            answer, [{"delta": {}, "finish_reason": choice.finish, "index": index}], "chat.completion.chunk"
        )
        if last and answer.show_usage:
            data["usage"] = _usage(answer)
        if last:
            data["time_info"] = _time_info(answer)
        return event(data)

    def usage(self, answer: Answer) -> bytes | None:  # noqa: ARG002
        return None

    def whole(self, answer: Answer) -> dict[str, Any]:
        choices = [
            {"finish_reason": choice.finish, "index": index, "message": _message(choice)}
            for index, choice in enumerate(answer.choices)
        ]
        data = _envelope(answer, choices, "chat.completion")
        if answer.show_usage:
            data["usage"] = _usage(answer)
        data["time_info"] = _time_info(answer)
        if answer.service_tier:
            data["service_tier_used"] = answer.service_tier
        return data

    def refused(self, refusal: Refusal) -> dict[str, Any]:
        return {"message": refusal.message, "type": refusal.type, "param": refusal.param, "code": refusal.code}

    def error_event(self, refusal: Refusal, identity: str) -> dict[str, Any]:
        """The one place where Cerebras wraps an error."""
        return {"error": {"id": identity, **self.refused(refusal)}, "status_code": refusal.status}

    def headers(self, identity: str | None) -> dict[str, str]:
        ray = hashlib.sha256((identity or "").encode()).hexdigest()[:16] + "-IAD"
        named = {"inference-id": identity} if identity else {}
        return {**_EDGE, "cf-ray": ray, "set-cookie": f"__cf_bm={ray}; path=/; HttpOnly; Secure", **named}

    def wants_usage(self, options: dict[str, Any] | None) -> bool:
        asked = (options or {}).get("include_usage")
        if asked is None:
            return self._usage_by_default
        return bool(asked) or self._usage_when_off


def _envelope(answer: Answer, choices: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return {
        "id": answer.id,
        "choices": choices,
        "created": int(answer.created),
        "model": answer.model,
        "system_fingerprint": answer.fingerprint,
        "object": kind,
    }


def _chunk(answer: Answer, choice: dict[str, Any]) -> bytes:
    return event(_envelope(answer, [choice], "chat.completion.chunk"))


def _message(choice: Choice) -> dict[str, Any]:
    message: dict[str, Any] = {}
    if choice.content.pieces or not choice.calls:
        message["content"] = choice.content.text
    if choice.reasoning.pieces:
        message["reasoning"] = choice.reasoning.text
    message["role"] = "assistant"
    if choice.calls:
        message["tool_calls"] = [_call(call) for call in choice.calls]
    return message


def _call(call: Any) -> dict[str, Any]:
    return {"function": {"name": call.name, "arguments": call.arguments}, "type": "function", "id": call.id}


def _usage(answer: Answer) -> dict[str, Any]:
    usage: Usage = answer.usage
    sees = not answer.model.startswith("gpt-oss")  # the models that take images count them
    drafted = {} if sees else {"accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}
    return {
        "total_tokens": usage.prompt + usage.completion,
        "completion_tokens": usage.completion,
        "completion_tokens_details": {**drafted, "reasoning_tokens": usage.reasoning},
        "prompt_tokens": usage.prompt,
        "prompt_tokens_details": {"cached_tokens": usage.cached, **({"image_tokens": 0} if sees else {})},
    }


def _time_info(answer: Answer) -> dict[str, float]:
    spoken = answer.longest / answer.pace
    return {
        "queue_time": _QUEUE_SECONDS,
        "prompt_time": max(answer.first_token - _QUEUE_SECONDS, 0.0),
        "completion_time": spoken,
        "total_time": answer.first_token + spoken + _UNTOLD_SECONDS,
        "created": answer.created,
    }
