"""What was asked and how it ended, for tests to read."""

from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_ENTRIES = 10_000
MOST_BODY_BYTES = 256 * 1024  # of a kept body: ten thousand long prompts would be gigabytes
OF_INTEREST = (
    "user-agent", "accept", "accept-encoding", "content-type", "content-length", "content-encoding", "x-request-id",
    "traceparent", "x-cerebras-version-patch", "x-cerebras-3rd-party-integration", "queue_threshold", "x-simulator",
    "x-stainless-retry-count", "x-stainless-timeout",
)  # fmt: skip


@dataclass(slots=True)
class Entry:
    n: int
    at: float  # seconds since the simulator started, as is ended_at
    connection: int
    method: str
    path: str
    headers: dict[str, str]
    model: str | None = None
    stream: bool | None = None
    status: int | None = None
    body: Any = None
    body_bytes: int = 0
    fault: str = "none"
    tokens_sent: int = 0
    ended: str | None = None  # none while in flight
    ended_at: float | None = None
    first_token_at: float | None = None  # when it was handed to the kernel, as was the last
    last_token_at: float | None = None
    first_tokens: int = 0  # that went with the first


@dataclass(slots=True)
class Ledger:
    started: float
    connections: int = 0
    open_connections: int = 0
    requests: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    tokens_sent: int = 0
    _entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=MOST_ENTRIES))

    def open(self, connection: int, method: str, path: str, headers: dict[str, str], now: float) -> Entry:
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        entry = Entry(self.requests, round(now - self.started, 6), connection, method, path, kept(headers))
        self._entries.append(entry)
        return entry

    def close(self, entry: Entry, ended: str, tokens: int, now: float) -> None:
        if entry.ended is None:
            self.in_flight -= 1
            self.tokens_sent += tokens
            entry.ended, entry.tokens_sent, entry.ended_at = ended, tokens, round(now - self.started, 6)

    def spoke(self, entry: Entry, first: float, last: float, first_tokens: int) -> None:
        entry.first_token_at, entry.last_token_at = round(first - self.started, 6), round(last - self.started, 6)
        entry.first_tokens = first_tokens

    def entries(self) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in self._entries]

    def clear(self) -> None:
        """Forgets entries; counters go on, as requests may be in flight."""
        self._entries.clear()

    def stats(self, now: float) -> dict[str, Any]:
        return {
            "started": self.started,  # on the machine's monotonic clock
            "seconds": round(now - self.started, 3),
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "connections_opened": self.connections,
            "connections_open": self.open_connections,
            "requests": self.requests,
            "tokens_sent": self.tokens_sent,
        }


def kept(headers: dict[str, str]) -> dict[str, str]:
    """Headers worth showing. Of a key only its end: a test can tell keys apart, and a log gives none away."""
    shown = {name: headers[name] for name in OF_INTEREST if name in headers}
    if "authorization" in headers:
        shown["authorization"] = "..." + headers["authorization"].rpartition(" ")[2][-4:]
    return shown
