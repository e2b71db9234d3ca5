"""Loggers of the operator's, as LiteLLM loads them: they write what they hear as JSON lines.

WAFERLINE_HEARD names the file to write to.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


async def success(kwargs: dict[str, Any], response: Any, start_time: Any, end_time: Any) -> None:
    _write("success", kwargs, response, start_time, end_time)


async def failure(kwargs: dict[str, Any], response: Any, start_time: Any, end_time: Any) -> None:
    _write("failure", kwargs, response, start_time, end_time)


def _write(event: str, kwargs: dict[str, Any], response: Any, start: Any, end: Any) -> None:
    heard = {"event": event, "kwargs": kwargs, "response": response, "start": start, "end": end}
    with Path(os.environ["WAFERLINE_HEARD"]).open("a", encoding="utf-8") as out:
        out.write(json.dumps(_plain(heard)) + "\n")


def _plain(value: Any, depth: int = 0) -> Any:
    if isinstance(value, dict) and depth < 8:
        return {str(name): _plain(each, depth + 1) for name, each in value.items()}
    if isinstance(value, (list, tuple)) and depth < 8:
        return [_plain(each, depth + 1) for each in value]
    if hasattr(value, "model_dump"):
        return _plain(value.model_dump(), depth + 1)
    return value if value is None or isinstance(value, (str, int, float, bool)) else f"{type(value).__name__}: {value}"
