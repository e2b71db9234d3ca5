"""One answer on its way: frames go out when due, many in one write, and wait while the client reads slowly."""

import time
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate

from simulator.frames import Timeline
from simulator.sink import Sink
from simulator.wheel import Wheel

MOST_FRAMES_PER_WRITE = 512
LINGER_SECONDS = 0.02  # so that what was sent is read before a reset throws the rest away
_LAST_CHUNK = b"0\r\n\r\n"
_TRUNCATED_CHUNK = b"40\r\ndata: {"
_LATENESS_FORGIVEN = 0.0002  # a frame due within the timer's own error goes out now, not a turn later


class Playback:
    def __init__(
        self,
        sink: Sink,
        wheel: Wheel,
        line: Timeline,
        head: bytes,
        *,
        started: float,
        head_after: float | None,
        chunked: bool,
        each_event: bool,
        write_every: float,
        ended: Callable[[str, int], None],
    ) -> None:
        self._sink = sink
        self._wheel = wheel
        self._line = line
        self._head = head
        self._started = started
        self._head_after = head_after
        self._chunked = chunked
        self._each_event = each_event
        self._rest = 0.0 if each_event else write_every
        self._ended = ended
        self._data = [frame.data for frame in line.frames]
        self._tokens = [frame.tokens for frame in line.frames]
        # Frames keep their order, whatever their seconds say.
        self._dues = list(accumulate((frame.due for frame in line.frames), max))
        self._next = 0
        self._held = b""
        self._waiting = False
        self._over = False
        self.tokens_sent = 0
        self.first_tokens = 0
        self.first_token_at: float | None = None
        self.last_token_at = 0.0

    def start(self) -> None:
        first = self._dues[0] if self._dues else 0.0
        self._wheel.at(
            self._started + (first if self._head_after is None else min(first, self._head_after)), self.visit
        )

    def visit(self, now: float) -> None:
        """Sends what is due at `now` and asks to be visited again."""
        if self._over:
            return
        if self._sink.full:
            self._waiting = True
            return
        elapsed = now - self._started + _LATENESS_FORGIVEN
        upto = bisect_right(self._dues, elapsed, self._next, min(len(self._dues), self._next + MOST_FRAMES_PER_WRITE))
        before = self.tokens_sent
        body = self._taken(upto)
        if body or self._head_is_due(elapsed):
            body, self._head = self._head + body, b""
        at_end = upto == len(self._data) and not self._held
        if at_end and not self._line.endless:
            self._spoke(before)  # the end closes what is written down
            self._end(body)
            return
        if body:
            self._sink.write(body)
            self._spoke(before)
        if upto == len(self._data) and self._line.endless:
            self._rewind()
        self._wheel.at(self._next_visit(now), self.visit)

    def resume(self, now: float) -> None:
        """The client reads again."""
        if self._waiting:
            self._waiting = False
            self.visit(now)

    def client_gone(self) -> None:
        self._finish("hang" if self._line.ended == "hang" and self._next == len(self._data) else "client_gone")

    def _spoke(self, before: int) -> None:
        if self.tokens_sent > before:
            self.last_token_at = time.monotonic()
            if self.first_token_at is None:
                self.first_token_at, self.first_tokens = self.last_token_at, self.tokens_sent

    def _head_is_due(self, elapsed: float) -> bool:
        return bool(self._head) and self._head_after is not None and elapsed >= self._head_after

    def _next_visit(self, now: float) -> float:
        if self._held:
            return now + self._rest
        due = self._started + self._dues[self._next]
        if self._head and self._head_after is not None:
            due = min(due, self._started + self._head_after)
        return max(due, now + self._rest)

    def _taken(self, upto: int) -> bytes:
        due = self._data[self._next : upto]
        self.tokens_sent += sum(self._tokens[self._next : upto])
        self._next = upto
        if self._line.split_characters:
            return self._chunk(self._cut_inside_a_character(b"".join(due)))
        if self._each_event:
            return b"".join(self._chunk(data) for data in due)
        return self._chunk(b"".join(due))

    def _chunk(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked and data else data

    def _cut_inside_a_character(self, data: bytes) -> bytes:
        """Keeps back the bytes from the middle of the last multi-byte character on, for the next write."""
        last = next((at for at in range(len(data) - 1, 0, -1) if data[at] & 0xC0 == 0x80), len(data))
        out, self._held = self._held + data[:last], data[last:]
        return out

    def _rewind(self) -> None:
        kinds = [frame.kind for frame in self._line.frames]
        again = kinds.index("content") if "content" in kinds else 0
        self._started += max(self._dues[-1] - self._dues[again], self._rest, 0.001)
        self._next = again

    def _end(self, body: bytes) -> None:
        ending = self._line.ending
        if ending in ("whole", "cut"):
            self._sink.write(body + (_LAST_CHUNK if self._chunked else b""))
            self._finish(self._line.ended)
            self._sink.done()
        elif ending == "cut_chunked":
            self._sink.write(body + (_TRUNCATED_CHUNK if self._chunked else b""))
            self._finish(self._line.ended)
            self._sink.close()
        else:
            self._sink.write(body)
            if ending == "reset":
                self._wheel.at(self._started + self._dues[-1] + LINGER_SECONDS if self._dues else 0.0, self._reset)

    def _reset(self, _: float) -> None:
        if not self._over:
            self._finish(self._line.ended)
            self._sink.reset()

    def _finish(self, ended: str) -> None:
        if not self._over:
            self._over = True
            self._ended(ended, self.tokens_sent)
