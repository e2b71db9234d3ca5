"""ASGI in our types, and whole answers in one call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, MutableMapping
from math import ceil
from typing import Any

import orjson

from plugins.policy.verdict import Refuse

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Coroutine[Any, Any, None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def error_body(refusal: Refuse, request_id: str) -> dict[str, Any]:
    """OpenAI's shape, so that every SDK raises its usual exception, with the cure in the sentence it shows."""
    server = refusal.status >= 500
    return {
        "error": {
            "message": refusal.message,
            "type": _TYPES.get(refusal.status, "server_error" if server else "invalid_request_error"),
            "param": refusal.param,
            "code": refusal.code,
            "rule": refusal.rule,
            "successor": refusal.successor,
            "request_id": request_id,
        }
    }


def encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]


async def send_json(send: Send, status: int, body: Any, headers: Headers = ()) -> None:
    payload = orjson.dumps(body)
    start = [(b"content-type", b"application/json"), (b"content-length", str(len(payload)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": payload})


async def send_refusal(send: Send, refusal: Refuse, request_id: str, headers: Headers = ()) -> None:
    more = list(headers)
    if refusal.retry_after is not None:
        more.append((b"retry-after", str(max(1, ceil(refusal.retry_after))).encode()))
    if refusal.status == 401:
        more.append((b"www-authenticate", b"Bearer"))
    await send_json(send, refusal.status, error_body(refusal, request_id), more)
