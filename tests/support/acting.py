"""A callback of an operator's that acts on what passes: it says everything aloud."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from litellm.integrations.custom_logger import CustomLogger


class Loud(CustomLogger):  # type: ignore[misc]  # litellm is not typed strictly
    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: Any
    ) -> AsyncIterator[Any]:
        async for chunk in response:
            for choice in chunk.choices:
                choice.delta.content = choice.delta.content and choice.delta.content.upper()
            yield chunk


loud = Loud()
