"""What a provider says in one piece: errors, and completions that were not streamed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import orjson

from plugins.upstream.pool import Exchange
from plugins.upstream.wire import WireError

ERROR_BODY_BYTES = 2**16
ERROR_BODY_SECONDS = 0.25  # the next target waits for it


async def beginning(exchange: Exchange) -> bytes:
    """As much of an error's body as comes soon: its status is answer enough."""
    payload = bytearray()
    with suppress(TimeoutError, WireError):
        async with asyncio.timeout(ERROR_BODY_SECONDS):
            while len(payload) < ERROR_BODY_BYTES and (parts := await exchange.read()):
                payload += b"".join(parts)
    return bytes(payload)


def finished(completion: dict[str, Any]) -> bool:
    choices = completion.get("choices")
    reasons = [each.get("finish_reason") if isinstance(each, dict) else None for each in choices or ()]
    return bool(reasons) and all(reason and reason != "error" for reason in reasons) and not completion.get("error")


def json_object(payload: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
