"""LiteLLM's login: whoever the front let in. Without a database LiteLLM knows no clients of its own."""

from __future__ import annotations

from typing import Any

from litellm.proxy._types import ProxyException, UserAPIKeyAuth

from plugins.policy.access import digest
from plugins.telemetry.record import current


async def authenticate(request: Any, api_key: str) -> Any:
    record = current.get()
    if record is None or record.client is None:
        raise ProxyException(
            message="the call did not come through the front; ask POST /v1/chat/completions",
            type="authentication_error",
            param=None,
            code=401,
        )
    return UserAPIKeyAuth(api_key=digest(api_key), key_alias=record.client, user_id=record.client)
