"""Loggers of an operator's, as LiteLLM loads them from beside its configuration. They write down what they hear.

WAFERLINE_HEARD names the file, one JSON object per line. A client whose `user` is "hang", "raise" or "slow" makes them
do so.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from litellm.integrations.custom_logger import CustomLogger


class Listener(CustomLogger):  # type: ignore[misc]  # litellm is not typed strictly
    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        await self._behave(kwargs)
        _write("class", "success", kwargs, response_obj)

    async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        await self._behave(kwargs)
        _write("class", "failure", kwargs, response_obj)

    async def _behave(self, kwargs: Any) -> None:
        user = kwargs["litellm_params"]["metadata"].get("user_api_key_end_user_id")
        if user == "hang":
            await asyncio.Event().wait()
        if user == "raise":
            raise RuntimeError("this logger is broken")
        if user == "slow":
            await asyncio.sleep(0.3)


listener = Listener()


async def success(kwargs: Any, response: Any, start_time: Any, end_time: Any) -> None:
    _write("function", "success", kwargs, response)


async def failure(kwargs: Any, response: Any, start_time: Any, end_time: Any) -> None:
    _write("function", "failure", kwargs, response)


def plain_failure(kwargs: Any, response: Any, start_time: Any, end_time: Any) -> None:
    """LiteLLM tells such a function of failures only, when it serves."""
    _write("plain", "failure", kwargs, response)


def _write(by: str, event: str, kwargs: dict[str, Any], response: Any) -> None:
    heard = {"by": by, "event": event, "response": response, "kwargs": kwargs}
    line = json.dumps(_plain(heard)) + "\n"
    with Path(os.environ["WAFERLINE_HEARD"]).open("ab", buffering=0) as out:  # in one piece: threads write here too
        out.write(line.encode())


def _plain(value: Any, depth: int = 0) -> Any:
    if hasattr(value, "model_dump"):
        value = value.model_dump()
    if isinstance(value, dict) and depth < 12:
        return {str(name): _plain(each, depth + 1) for name, each in value.items()}
    if isinstance(value, (list, tuple)) and depth < 12:
        return [_plain(each, depth + 1) for each in value]
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)
