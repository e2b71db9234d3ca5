"""Streams as providers write them, and the slowest way to read them: what the reader must agree with."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

USAGE = {"prompt_tokens": 7, "completion_tokens": 40, "completion_tokens_details": {"reasoning_tokens": 0}}


def chunk(delta: dict[str, Any] | None, finish: str | None = None, **more: Any) -> str:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return json.dumps({"id": "chatcmpl-1", "model": "m", "choices": choices, **more}, separators=(",", ":"))


def event(data: str, end: str = "\n") -> str:
    return f"data: {data}{end}{end}"


def stream(
    *texts: str, end: str = "\n", finish: str | None = "stop", usage: dict[str, Any] | None = USAGE, done: bool = True
) -> bytes:
    rows = [chunk({"role": "assistant", "content": ""}), *(chunk({"content": text}) for text in texts)]
    rows += [chunk({}, finish)] if finish else []
    rows += [chunk(None, usage=usage)] if usage else []
    rows += ["[DONE]"] if done else []
    return "".join(event(row, end) for row in rows).encode()


TEXT = st.one_of(
    st.sampled_from(["", " a", 'say "so"', "\\", "\n\n", "data: x\n\n", "😀", '","finish_reason":"stop']),
    st.text(max_size=9),
)
DELTA = st.one_of(
    TEXT.map(lambda text: {"content": text}),
    TEXT.map(lambda text: {"reasoning": text}),
    TEXT.map(lambda text: {"content": "", "reasoning_content": text, "reasoning": text}),
    st.just({"role": "assistant"}),
    st.just({"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}),
    st.just({}),
)
ROW = st.one_of(DELTA.map(chunk), st.just(chunk(None, usage=USAGE)), st.just(chunk({"content": "."}, "stop")))


@st.composite
def cut_streams(draw: st.DrawFn) -> list[bytes]:
    """A stream in the pieces in which it came."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    rows = draw(st.lists(ROW, max_size=20))
    parts = [event(row, end) if draw(st.integers(0, 9)) else f": ping{end}{end}" for row in rows]
    data = "".join([*parts, event("[DONE]", end)]).encode()
    cuts = sorted(draw(st.sets(st.integers(1, len(data) - 1), max_size=12)))
    return [data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@dataclass
class Naive:
    events: int = 0
    deliveries: int = 0
    first_events: int = 0
    role: float | None = None
    first: float | None = None
    last: float | None = None
    gap: float | None = None
    done: bool = False
    finish: str | None = None
    told: int | None = None

    def __init__(self, pieces: list[bytes]) -> None:
        """After every piece all is parsed anew."""
        so_far = b""
        for at, piece in enumerate(pieces):
            so_far += piece
            rows = re.findall(r"data: (.*?)\r?\n\r?\n", so_far.decode(errors="ignore"))
            self.role = float(at) if rows and self.role is None else self.role
            self._look(rows, float(at))

    def _look(self, rows: list[str], at: float) -> None:
        chunks = [json.loads(row) for row in rows if row != "[DONE]"]
        self.done = "[DONE]" in rows
        choices = [choice for each in chunks for choice in each["choices"]]
        spoke = sum(any(value for name, value in choice["delta"].items() if name != "role") for choice in choices)
        if spoke > self.events:
            self.deliveries += 1
            self.first_events = self.first_events or spoke
            if self.last is not None:
                self.gap = max(self.gap or 0.0, at - self.last)
            self.first, self.last = at if self.first is None else self.first, at
        self.events = spoke
        self.finish = next((each["finish_reason"] for each in reversed(choices) if each["finish_reason"]), None)
        self.told = next((each["usage"]["completion_tokens"] for each in reversed(chunks) if each.get("usage")), None)
