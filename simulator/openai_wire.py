"""OpenAI's accent: finish_reason null until the end, usage in an event of its own, errors wrapped."""

import hashlib
from typing import Any

from simulator.answer import Answer, Choice
from simulator.knobs import Knobs
from simulator.refusals import Refusal
from simulator.wire import event

_ARGUMENT_PIECES = 3
# How this provider words what Cerebras words otherwise: code -> (message, type, param, code).
_WORDING: dict[str | None, tuple[str, str, str | None, str | None]] = {
    "token_quota_exceeded": ("Rate limit reached on tokens per min (TPM).", "tokens", None, "rate_limit_exceeded"),
    "request_quota_exceeded": (
        "Rate limit reached on requests per min (RPM).",
        "requests",
        None,
        "rate_limit_exceeded",
    ),
    "queue_exceeded": ("The engine is currently overloaded.", "requests", None, "rate_limit_exceeded"),
    "wrong_api_key": ("Incorrect API key provided.", "invalid_request_error", None, "invalid_api_key"),
    "payment_required": ("You exceeded your current quota.", "insufficient_quota", None, "insufficient_quota"),
    "server_error": ("The server had an error while processing your request.", "server_error", None, None),
    "service_unavailable": ("The engine is currently overloaded, please try again later.", "server_error", None, None),
}


class OpenAIWire:
    def __init__(self, knobs: Knobs) -> None:
        self.reasoning_field: str = knobs.reasoning_field

    def role(self, answer: Answer, index: int) -> bytes:
        return _chunk(answer, index, {"role": "assistant", "content": "", "refusal": None})

    def around(self, answer: Answer, index: int, field: str) -> tuple[bytes, bytes]:
        before, _, after = _chunk(answer, index, {field: ""}).partition(b'""')
        return before, after

    def turn(self, answer: Answer, index: int) -> bytes | None:  # noqa: ARG002
        return None

    def calls(self, answer: Answer, index: int, choice: Choice) -> list[bytes]:
        """A call begins with its name; its arguments follow in pieces."""
        chunks = []
        for at, call in enumerate(choice.calls):
            named = {"index": at, "id": f"call_{call.id}", "type": "function"}
            chunks.append(
                _chunk(answer, index, {"tool_calls": [{**named, "function": {"name": call.name, "arguments": ""}}]})
            )
            size = -(-len(call.arguments) // _ARGUMENT_PIECES)
            for start in range(0, len(call.arguments), size):
                part = {"index": at, "function": {"arguments": call.arguments[start : start + size]}}
                chunks.append(_chunk(answer, index, {"tool_calls": [part]}))
        return chunks

    def finish(self, answer: Answer, index: int, choice: Choice, last: bool) -> bytes:  # noqa: ARG002
        return _chunk(answer, index, {}, choice.finish)

    def usage(self, answer: Answer) -> bytes | None:
        if not answer.show_usage:
            return None
        return event({**_envelope(answer, [], "chat.completion.chunk"), "usage": _usage(answer)})

    def whole(self, answer: Answer) -> dict[str, Any]:
        choices = [
            {
                "index": index,
                "message": _message(choice, self.reasoning_field),
                "logprobs": None,
                "finish_reason": choice.finish,
            }
            for index, choice in enumerate(answer.choices)
        ]
        usage = {"usage": _usage(answer)} if answer.show_usage else {}
        return {**_envelope(answer, choices, "chat.completion"), **usage}

    def refused(self, refusal: Refusal) -> dict[str, Any]:
        usual = (refusal.message, refusal.type, refusal.param, refusal.code)
        message, kind, param, code = usual if refusal.verbatim else _WORDING.get(refusal.code, usual)
        return {"error": {"message": message, "type": kind, "param": param, "code": code}}

    def error_event(self, refusal: Refusal, identity: str) -> dict[str, Any]:  # noqa: ARG002
        return self.refused(refusal)

    def headers(self, identity: str | None) -> dict[str, str]:
        request = hashlib.sha256((identity or "").encode()).hexdigest()[:32]
        return {"server": "uvicorn", "x-request-id": f"req_{request}", "openai-version": "2020-10-01"}

    def wants_usage(self, options: dict[str, Any] | None) -> bool:
        return bool((options or {}).get("include_usage"))


def _envelope(answer: Answer, choices: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return {
        "id": answer.id,
        "object": kind,
        "created": int(answer.created),
        "model": answer.model,
        "system_fingerprint": answer.fingerprint,
        "choices": choices,
    }


def _chunk(answer: Answer, index: int, delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    data = _envelope(answer, [choice], "chat.completion.chunk")
    return event({**data, "usage": None} if answer.show_usage else data)


def _message(choice: Choice, reasoning_field: str) -> dict[str, Any]:
    text = choice.content.text if choice.content.pieces or not choice.calls else None
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if choice.reasoning.pieces:
        message[reasoning_field] = choice.reasoning.text
    if choice.calls:
        message["tool_calls"] = [
            {"id": f"call_{call.id}", "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in choice.calls
        ]
    return message


def _usage(answer: Answer) -> dict[str, Any]:
    usage = answer.usage
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
        "prompt_tokens_details": {"cached_tokens": usage.cached},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }
