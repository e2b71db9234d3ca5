"""The clients: requests at their times, whatever became of those before, over connections that are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from loadtests.bench import answer as bytes_of
from loadtests.bench.client import Stream
from loadtests.bench.load import MODEL, request
from loadtests.bench.processes import LOOPBACK
from loadtests.chaos.doors import Door, Doors
from loadtests.conformance.answer import Answer, End, read
from loadtests.record.sample import Outcome, Phase, Sample

WORDS = 24
PATIENCE_SECONDS = 20.0
CONNECT_SECONDS = 1.0
LOOK_SECONDS = 0.5
IDLE_SECONDS = 3.0  # the server closes a connection after 5, be there a request on its way or not

_BY_STATUS = {429: Outcome.LIMITED}
_CONTENT = b'"content":"w'


class Crowd:
    def __init__(self, doors: Doors, key: str, way: str, now: Callable[[], float]) -> None:
        self.doors = doors
        self.stage = ""
        self.samples: list[Sample] = []
        self._key = key
        self._way = way
        self._now = now
        self._idle: dict[int, list[tuple[Stream, float]]] = {}

    async def ask(self, number: int, intended: float) -> None:
        """One request, and its sample."""
        sent = self._now()
        for door in self.doors.in_turn():
            stream = await self._connection(door)
            if stream is not None:
                break
            door.ready = False  # which costs nobody anything: nothing was sent
        else:
            self._note(number, intended, sent, None, None, [], [], "no gateway took the connection")
            return
        over: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        stream.ended = lambda _, trouble: None if over.done() else over.set_result(trouble)
        asked_at = self._now()
        stream.ask(request(door.port, self._key, WORDS).encode())
        gave_up = False
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                trouble = await over
        except TimeoutError:
            trouble, gave_up = "the client gave up", True
            stream.close()
        parts, times = stream.taken()
        self._note(number, intended, sent, door, asked_at, parts, times, trouble, gave_up=gave_up)
        if trouble is None and stream.is_open:
            self._idle.setdefault(door.port, []).append((stream, self._now()))

    async def look(self) -> None:
        """Asks each door for its readiness, as a load balancer does, for as long as the run."""
        while True:
            for door in self.doors.all:
                door.ready = await _is_ready(door.port)
            await asyncio.sleep(LOOK_SECONDS)

    def close(self) -> None:
        for streams in self._idle.values():
            for stream, _ in streams:
                stream.close()

    async def _connection(self, door: Door) -> Stream | None:
        idle = self._idle.get(door.port, [])
        while idle:
            stream, since = idle.pop()
            if stream.is_open and self._now() - since < IDLE_SECONDS:
                return stream
            stream.close()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, made = await asyncio.get_running_loop().create_connection(Stream, LOOPBACK, door.port)
        except OSError:  # of which a timeout is one
            return None
        return made

    def _note(
        self,
        number: int,
        intended: float,
        sent: float,
        door: Door | None,
        asked_at: float | None,
        parts: list[bytes],
        times: list[float],
        trouble: str | None,
        *,
        gave_up: bool = False,
    ) -> None:
        ended = self._now()
        killed = door is not None and trouble is not None and door.was_killed_between(sent, ended)
        heard = hear(parts, times, trouble, gave_up=gave_up)
        first = None if heard.first is None or asked_at is None else asked_at + heard.first
        self.samples.append(
            Sample(
                id=f"{self._way}-{number}",
                stage=self.stage,  # in which it ended: what breaks breaks those that are under way
                phase=Phase.STEADY,
                way=self._way,
                workload=MODEL,
                outcome=outcome(heard.answer, spoke=first is not None),
                intended=intended,
                sent=sent,
                end=ended,
                status=heard.status,
                error="killed" if killed else heard.answer.code or trouble,
                first=first,
                octets=sum(map(len, parts)),
                completion_tokens=heard.answer.words,
                estimated=True,
                target=heard.answer.deployment or None,
                numbers_hold=heard.answer.end == End.WHOLE,
            )
        )


class Heard:
    __slots__ = ("answer", "first", "status")

    def __init__(self, answer: Answer, status: int | None, first: float | None) -> None:
        self.answer = answer
        self.status = status
        self.first = first  # seconds from the request to the delivery that held the first word


def hear(parts: list[bytes], times: list[float], trouble: str | None, *, gave_up: bool = False) -> Heard:
    """What came over the wire, as an answer."""
    raw = b"".join(parts)
    head, blank, rest = raw.partition(b"\r\n\r\n")
    if not blank:
        return Heard(Answer(End.HANG if gave_up else End.REFUSED, 0.0, status=0), None, None)
    lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    status = int(lines[0].split(" ")[1])
    chunked = headers.get("transfer-encoding") == "chunked"
    body = bytes_of.unchunked(raw, len(head) + 4).data if chunked else rest
    answer = read(status, headers, body, expected=WORDS, cut=trouble is not None, gave_up=gave_up)
    return Heard(answer, status, _first(parts, times))


def _first(parts: list[bytes], times: list[float]) -> float | None:
    so_far = b""
    for part, at in zip(parts, times, strict=True):
        so_far = so_far[-len(_CONTENT) :] + part
        if _CONTENT in so_far.replace(b'": "', b'":"'):
            return at
    return None


def outcome(answer: Answer, *, spoke: bool) -> Outcome:
    match answer.end:
        case End.WHOLE:
            return Outcome.WHOLE
        case End.LIE:
            return Outcome.TRUNCATED
        case End.BROKEN | End.HANG:
            return Outcome.BROKEN if spoke else Outcome.FAILED
    if answer.status == 503 and answer.code == "overloaded":
        return Outcome.SHED
    if 400 <= answer.status < 500:
        return _BY_STATUS.get(answer.status, Outcome.REFUSED)
    return Outcome.FAILED


async def _is_ready(port: int) -> bool:
    writer = None
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            writer.write(f"GET /health/readiness HTTP/1.1\r\nhost: {LOOPBACK}\r\nconnection: close\r\n\r\n".encode())
            return (await reader.readline()).split(b" ")[1:2] == [b"200"]
    except OSError:
        return False
    finally:
        if writer is not None:
            with suppress(OSError):
                writer.close()
