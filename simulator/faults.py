"""What can go wrong. Faults before an answer are names the service acts on; faults of a stream edit its frames."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from simulator.frames import Frame, Timeline

# Nothing but a closed port refuses a connection; `refuse` is the nearest a living process can do, the same reset.
BEFORE = ("refuse", "reset_before_headers", "close_before_headers")
STATUS = (
    "400", "400_context", "400_content_filter", "401", "402", "403", "404", "408", "413", "422",
    "429_tokens", "429_requests", "429_queue", "500", "502", "503", "504",
)  # fmt: skip
# These change what is said, so the answer is composed with them in mind.
CHATTER_EVERY, CHATTER_SECONDS = 0.05, 60.0
SPOKEN = ("wrong_model", "no_usage", "huge", "ignore_stream")


@dataclass(frozen=True, slots=True)
class Spoiling:
    """What an edit may know."""

    after: int
    pause_seconds: float | None
    error: bytes
    flat_error: bytes
    done_after_error: bool


def place(frames: list[Frame], after: int) -> int:
    """Index of the first frame past `after` content tokens; in an answer with fewer, the first frame past its text."""
    if after == 0:
        return next((i for i, frame in enumerate(frames) if frame.kind != "role"), len(frames))
    sent = 0
    for index, frame in enumerate(frames):
        if frame.kind in ("tool", "finish"):
            return index
        sent += frame.tokens if frame.kind == "content" else 0
        if sent >= after:
            return index + 1
    return len(frames)


def _cut(line: Timeline, spoiling: Spoiling) -> Timeline:
    return Timeline(line.frames[: place(line.frames, spoiling.after)], "cut", "cut")


def _cut_chunked(line: Timeline, spoiling: Spoiling) -> Timeline:
    return Timeline(line.frames[: place(line.frames, spoiling.after)], "cut_chunked", "cut_chunked")


def _reset(line: Timeline, spoiling: Spoiling) -> Timeline:
    return Timeline(line.frames[: place(line.frames, spoiling.after)], "reset", "reset")


def _stall(line: Timeline, spoiling: Spoiling) -> Timeline:
    at = place(line.frames, spoiling.after)
    if spoiling.pause_seconds is None:
        return Timeline(line.frames[:at], "hang", "hang")
    late = [frame._replace(due=frame.due + spoiling.pause_seconds) for frame in line.frames[at:]]
    return Timeline(line.frames[:at] + late)


def _stall_cut(line: Timeline, spoiling: Spoiling) -> Timeline:
    """Silent, then closed; the comment is no event, it only gives the end its time."""
    at = place(line.frames, spoiling.after)
    due = line.frames[min(at, len(line.frames) - 1)].due + (spoiling.pause_seconds or 0)
    return Timeline([*line.frames[:at], Frame(due, b": closing\n\n", 0, "note")], "cut_chunked", "stall_cut")


def _hang(line: Timeline, spoiling: Spoiling) -> Timeline:
    """No headers, or headers only: the service sends those at once when they are not held."""
    if spoiling.pause_seconds is None:
        return Timeline([], "hang", "hang", hold_headers=True)
    return replace(line, frames=[frame._replace(due=frame.due + spoiling.pause_seconds) for frame in line.frames])


def _hang_after_headers(line: Timeline, spoiling: Spoiling) -> Timeline:
    return replace(_hang(line, spoiling), hold_headers=False, headers_at_once=True)


def _role_only(line: Timeline, spoiling: Spoiling) -> Timeline:
    return _stall(line, replace(spoiling, after=0))


def _with_error(line: Timeline, spoiling: Spoiling, error: bytes) -> Timeline:
    at = place(line.frames, spoiling.after)
    due = line.frames[min(at, len(line.frames) - 1)].due
    done = [frame._replace(due=due) for frame in line.frames if frame.kind == "done" and spoiling.done_after_error]
    return Timeline([*line.frames[:at], Frame(due, error, 0, "error"), *done], ended="error")


def _error_event(line: Timeline, spoiling: Spoiling) -> Timeline:
    return _with_error(line, spoiling, spoiling.error)


def _flat_error_event(line: Timeline, spoiling: Spoiling) -> Timeline:
    return _with_error(line, spoiling, spoiling.flat_error)


def _malformed(line: Timeline, spoiling: Spoiling) -> Timeline:
    """One event whose JSON stops midway, then the stream goes on as if nothing had happened."""
    at = min(place(line.frames, spoiling.after), len(line.frames) - 1)
    frame = line.frames[at]
    broken = frame._replace(data=frame.data[: len(frame.data) // 2].rstrip(b"\n") + b"\n\n")
    return replace(line, frames=[*line.frames[:at], broken, *line.frames[at + 1 :]], ended="malformed")


def _without(*kinds: str) -> Callable[[Timeline, Spoiling], Timeline]:
    def edit(line: Timeline, _: Spoiling) -> Timeline:
        return replace(line, frames=[frame for frame in line.frames if frame.kind not in kinds])

    return edit


def _buffered(line: Timeline, _: Spoiling) -> Timeline:
    end = line.frames[-1].due
    return replace(line, frames=[frame._replace(due=end) for frame in line.frames], hold_headers=True)


def _junk_after_done(line: Timeline, _: Spoiling) -> Timeline:
    return replace(line, frames=[*line.frames, line.frames[-1]._replace(data=b'data: {"junk":true}\n\n', kind="note")])


def _crlf(line: Timeline, _: Spoiling) -> Timeline:
    return replace(line, frames=[frame._replace(data=frame.data.replace(b"\n", b"\r\n")) for frame in line.frames])


def _comments(line: Timeline, _: Spoiling) -> Timeline:
    """A keep-alive comment before each event and one before all, as proxies in between send them."""
    opening = Frame(0.0, b": connected\n\n", 0, "note")
    return replace(line, frames=[opening, *(f._replace(data=b": keep-alive\n\n" + f.data) for f in line.frames)])


def _multi_line(line: Timeline, _: Spoiling) -> Timeline:
    """JSON over two data lines. The first comma follows the id, so the break is between two JSON tokens."""
    return replace(
        line, frames=[frame._replace(data=frame.data.replace(b",", b",\ndata: ", 1)) for frame in line.frames]
    )


def _trickle(line: Timeline, spoiling: Spoiling) -> Timeline:
    """One token per second from `after` on."""
    at = place(line.frames, spoiling.after)
    spent, frames = 0, line.frames[:at]
    start = line.frames[min(at, len(line.frames) - 1)].due
    for frame in line.frames[at:]:
        frames.append(frame._replace(due=start + spent))
        spent += frame.tokens
    return replace(line, frames=frames)


def _split_utf8(line: Timeline, _: Spoiling) -> Timeline:
    return replace(line, split_characters=True)


def _chatter(line: Timeline, spoiling: Spoiling) -> Timeline:
    """From `after` on it is alive and says nothing: comments, and the role again and again."""
    at = place(line.frames, spoiling.after)
    start = line.frames[min(at, len(line.frames) - 1)].due
    role = next(frame.data for frame in line.frames if frame.kind == "role")
    times = int((spoiling.pause_seconds or CHATTER_SECONDS) / CHATTER_EVERY)
    said = [Frame(start + CHATTER_EVERY * n, b": keep-alive\n\n" + role, 0, "note") for n in range(1, times + 1)]
    return Timeline([*line.frames[:at], *said], "hang", "hang")


def _endless(line: Timeline, _: Spoiling) -> Timeline:
    """The content again and again; only the client can end it."""
    kept = [frame for frame in line.frames if frame.kind in ("role", "reasoning", "turn", "content")]
    return Timeline(kept, endless=True, ended="hang")


EDITS: dict[str, Callable[[Timeline, Spoiling], Timeline]] = {
    "hang": _hang,
    "hang_after_headers": _hang_after_headers,
    "cut": _cut,
    "cut_chunked": _cut_chunked,
    "reset": _reset,
    "stall": _stall,
    "stall_cut": _stall_cut,
    "role_only": _role_only,
    "error_event": _error_event,
    "flat_error_event": _flat_error_event,
    "malformed": _malformed,
    "no_done": _without("done"),
    "no_finish_but_done": _without("finish", "usage"),
    "buffered": _buffered,
    "junk_after_done": _junk_after_done,
    "crlf": _crlf,
    "comments": _comments,
    "multi_line": _multi_line,
    "split_utf8": _split_utf8,
    "trickle": _trickle,
    "chatter": _chatter,
    "endless": _endless,
}

FAULTS: tuple[str, ...] = ("none", *BEFORE, *STATUS, *SPOKEN, *EDITS)


def spoil(line: Timeline, fault: str, spoiling: Spoiling) -> Timeline:
    """The timeline with its fault, if the fault is one of a stream."""
    edit = EDITS.get(fault)
    return edit(line, spoiling) if edit else line


def spoil_body(body: Frame, fault: str, spoiling: Spoiling) -> Timeline:
    """The same faults for an answer that is one JSON body: half of it, then the ending."""
    if fault in ("hang", "hang_after_headers"):
        return EDITS[fault](Timeline([body]), spoiling)
    half = body._replace(data=body.data[: len(body.data) // 2])
    rest = body._replace(data=body.data[len(half.data) :], tokens=0)
    late = [] if spoiling.pause_seconds is None else [rest._replace(due=rest.due + spoiling.pause_seconds)]
    paused = Timeline([half, *late]) if late else Timeline([half], "hang", "hang")
    truncated = Timeline([half], "cut_chunked", "cut_chunked")
    broken = {
        "cut": truncated,
        "cut_chunked": truncated,
        "reset": Timeline([half], "reset", "reset"),
        "stall": paused,
        "role_only": paused,
        "malformed": Timeline([body._replace(data=body.data[:-1] + b"]")], ended="malformed"),
    }
    return broken.get(fault, Timeline([body]))
