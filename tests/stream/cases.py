"""Streams to test with: Cerebras' and OpenAI's chunks, hostile texts, and a slow decoder that is plainly right."""

import json
import re
from typing import Any

from hypothesis import strategies as st

from plugins.stream.decode import Decoder, Event

ENVELOPE = {
    "id": "chatcmpl-1",
    "created": 1779147581,
    "model": "zai-glm-4.7",
    "system_fingerprint": "fp_a33c",
    "object": "chat.completion.chunk",
}

# What the model may say to look like something else.
TRAPS = [
    '"content":"',
    '{"content":"x"}',
    '"error":{',
    '"finish_reason":"stop"',
    '"usage":{"total_tokens":1}',
    "[DONE]",
    "data: ",
    "\n\n",
    "\r\n",
    '"',
    "\\",
    '\\"',
    "\\u",
    "\u2028",
    "\x00",
    "\x7f",
    "é",
    "😀",
    "\ufeff",
    " ",
]

texts = (
    st.lists(st.one_of(st.sampled_from(TRAPS), st.text(max_size=5)), min_size=1, max_size=3).map("".join).filter(len)
)
halves = st.sampled_from(["\ud83d", "\ude00", "a\ud83d", "\ude00b"])


def dump(value: object, *, spaced: bool = False, ascii_only: bool = False) -> bytes:
    separators = (", ", ": ") if spaced else (",", ":")
    return json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode()


def cerebras(delta: dict[str, Any], index: int = 0, **more: Any) -> dict[str, Any]:
    finish = {"finish_reason": more.pop("finish_reason")} if "finish_reason" in more else {}
    return {
        "id": ENVELOPE["id"],
        "choices": [{"delta": delta, **finish, "index": index}],
        **{name: value for name, value in ENVELOPE.items() if name != "id"},
        **more,
    }


def openai(delta: dict[str, Any], index: int = 0, finish_reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**ENVELOPE, "service_tier": "default", "choices": [choice], "usage": None, **more}


def sse(data: bytes, end: bytes = b"\n") -> bytes:
    return b"data: " + data + end + end


def event(value: dict[str, Any] | bytes, name: bytes | None = None) -> Event:
    data = value if isinstance(value, bytes) else dump(value)
    return Event(sse(data) if name is None else b"event: " + name + b"\n" + sse(data), data, name)


def decode(stream: bytes) -> list[Event]:
    return Decoder().feed(stream)


def decode_slowly(stream: bytes) -> list[tuple[bytes | None, bytes]]:
    """The specification line by line: name and data of every event that is dispatched."""
    dispatched: list[tuple[bytes | None, bytes]] = []
    name: bytes | None = None
    data: list[bytes] = []
    for line in re.split(rb"\r\n|\n|\r", stream.removeprefix(b"\xef\xbb\xbf"))[:-1]:
        if not line:
            if data:
                dispatched.append((name, b"\n".join(data)))
            name, data = None, []
        elif not line.startswith(b":"):
            field, value = line.split(b":", 1) if b":" in line else (line, b"")
            value = value[1:] if value[:1] == b" " else value
            if field == b"data":
                data.append(value)
            elif field == b"event":
                name = value
    return dispatched


def join_halves(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def text_of(data: bytes) -> tuple[int, str, str] | None:
    """Choice, field and text of an event that has just that; None for all others."""
    try:
        chunk = json.loads(data)
    except ValueError:
        return None
    if not isinstance(chunk, dict) or len(chunk.get("choices", ())) != 1 or chunk.get("usage"):
        return None
    choice = chunk["choices"][0]
    said = {name: value for name, value in choice["delta"].items() if value and name != "role"}
    if len(said) != 1 or choice.get("finish_reason") or choice.get("logprobs"):
        return None
    ((field, text),) = said.items()
    return (choice["index"], field, text) if isinstance(text, str) and field != "refusal" else None


@st.composite
def text_runs(draw: st.DrawFn) -> list[bytes]:
    """Chunks of one form, because knowing the next event from the last is what there is to get wrong."""
    style = draw(st.sampled_from([cerebras, openai]))
    field = draw(st.sampled_from(["content", "content", "reasoning", "reasoning_content"]))
    index = draw(st.sampled_from([0, 0, 0, 1]))
    spaced = draw(st.booleans())
    said = draw(st.lists(st.one_of(texts, texts, halves), min_size=1, max_size=5))
    return [
        dump(style({field: text}, index), spaced=spaced, ascii_only=draw(st.booleans()) or join_halves(text) != text)
        for text in said
    ]


_CALL = {"function": {"name": "f", "arguments": '{"a":1}'}, "type": "function", "id": "e0ecf32e0", "index": 0}

other_events = st.sampled_from(
    [
        sse(dump(cerebras({"role": "assistant"}))),
        sse(dump(cerebras({"role": "assistant", "content": "Hi"}))),
        sse(dump(cerebras({}))),
        sse(dump(cerebras({"content": ""}))),
        sse(dump(cerebras({"content": "a", "reasoning": "b"}))),
        sse(dump(cerebras({"content": "a", "novel": 1}))),
        sse(dump(cerebras({"content": "a"}, novel=1))),
        sse(dump(cerebras({"content": "a"}, usage={"total_tokens": 1}))),
        sse(dump(cerebras({"refusal": "no"}))),
        sse(dump(cerebras({"tool_calls": [_CALL]}))),
        sse(dump(cerebras({}, finish_reason="stop", usage={"total_tokens": 1}, time_info={"total_time": 0.1}))),
        sse(dump(openai({"content": "bye"}, finish_reason="length"))),
        sse(dump({**ENVELOPE, "choices": [], "usage": {"total_tokens": 2}})),
        sse(
            dump({**ENVELOPE, "choices": [{"index": i, "delta": {"content": "x"}} for i in (0, 1)]}),
        ),
        sse(
            dump(
                {
                    **ENVELOPE,
                    "choices": [{"index": 0, "delta": {"content": "x"}, "logprobs": {"content": [{"token": "x"}]}}],
                }
            )
        ),
        b": ping\n\n",
        b": ping\n" + sse(dump(cerebras({"content": "after a comment"}))),
        b"event: message\n" + sse(dump(cerebras({"content": "named"}))),
        b"id: 7\n" + sse(dump(cerebras({"content": "numbered"}))),
        b"event: error\n" + sse(b'{"message":"no"}'),
        sse(b'{"error":{"message":"no"},"status_code":500}'),
        sse(b'{"message":"no","type":"t","code":"c"}'),
        sse(b'{"choices":['),
        sse(b"12"),
        sse(b""),
        sse(b"[DONE]"),
    ]
)

streams = st.lists(
    st.one_of(text_runs().map(lambda run: b"".join(map(sse, run))), other_events), min_size=1, max_size=12
).map(b"".join)


@st.composite
def cuts(draw: st.DrawFn, stream: bytes) -> list[bytes]:
    places = sorted(draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    return [stream[start:end] for start, end in zip([0, *places], [*places, len(stream)], strict=True)]
