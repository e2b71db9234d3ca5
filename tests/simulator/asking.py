"""Chat bodies as tests write them."""

from typing import Any

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}


def chat(model: str = "gpt-oss-120b", stream: bool = True, **more: Any) -> dict[str, Any]:
    return {"model": model, "stream": stream, "messages": [{"role": "user", "content": "hello"}], **more}


def plain(model: str = "gpt-oss-120b", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}


def numbered(fault: str = "none", **more: Any) -> str:
    """The header that asks for countable text and one fault."""
    knobs = {"text": "numbered", "reasoning_tokens": 0, "fault": fault, **more}
    return "x-simulator: " + ",".join(f"{name}={value}" for name, value in knobs.items()) + "\r\n"


def words(count: int) -> str:
    return "".join(f"w{number:04d} " for number in range(1, count + 1))
