"""Frames on their way, with a clock that is turned by hand and a client that counts."""

from collections.abc import Callable
from typing import Any

import pytest

from simulator.frames import Frame, Timeline
from simulator.playback import LINGER_SECONDS, MOST_FRAMES_PER_WRITE, Playback


class HandClock:
    def __init__(self) -> None:
        self.waiting: list[tuple[float, Callable[[float], None]]] = []

    def at(self, when: float, act: Callable[[float], None]) -> None:
        self.waiting.append((when, act))

    def run_to(self, end: float) -> None:
        while due := sorted((each for each in self.waiting if each[0] <= end), key=lambda each: each[0]):
            self.waiting.remove(due[0])
            due[0][1](due[0][0])


class Client:
    def __init__(self) -> None:
        self.full = False
        self.writes: list[bytes] = []
        self.ended = ""

    def write(self, data: bytes) -> None:
        if data:
            self.writes.append(data)

    def done(self) -> None:
        self.ended = "done"

    def close(self) -> None:
        self.ended = "closed"

    def reset(self) -> None:
        self.ended = "reset"

    @property
    def data(self) -> bytes:
        return b"".join(self.writes)


class Scene:
    def __init__(
        self, line: Timeline, chunked: bool = False, each_event: bool = False, head_after: float | None = None
    ) -> None:
        self.clock, self.client, self.reports = HandClock(), Client(), list[tuple[str, int]]()
        clock: Any = self.clock
        self.playback = Playback(
            self.client,
            clock,
            line,
            b"HEAD ",
            started=100.0,
            head_after=head_after,
            chunked=chunked,
            each_event=each_event,
            write_every=0.002,
            ended=lambda ended, tokens: self.reports.append((ended, tokens)),
        )
        self.playback.start()


def words(count: int, apart: float = 0.001, first: float = 0.5) -> list[Frame]:
    return [Frame(first + index * apart, b"%d " % index, 2, "content") for index in range(count)]


def test_nothing_is_sent_before_it_is_due_and_all_that_is_due_goes_out_in_one_write() -> None:
    scene = Scene(Timeline(words(10)))
    scene.clock.run_to(100.499)
    assert scene.client.writes == []

    scene.clock.run_to(100.5045)

    assert scene.client.writes == [b"HEAD 0 ", b"1 2 ", b"3 4 "]


def test_the_end_is_told_once_with_its_tokens() -> None:
    scene = Scene(Timeline(words(4)))
    scene.clock.run_to(101)
    scene.playback.client_gone()

    assert scene.client.ended == "done"
    assert scene.reports == [("whole", 8)]


def test_chunks_carry_their_length_and_the_last_is_empty() -> None:
    scene = Scene(Timeline(words(3, apart=0)), chunked=True)
    scene.clock.run_to(101)

    assert scene.client.data == b"HEAD 6\r\n0 1 2 \r\n0\r\n\r\n"


def test_each_event_may_be_a_chunk() -> None:
    scene = Scene(Timeline(words(2, apart=0)), chunked=True, each_event=True)
    scene.clock.run_to(101)

    assert scene.client.data == b"HEAD 2\r\n0 \r\n2\r\n1 \r\n0\r\n\r\n"


def test_headers_can_go_before_the_first_frame() -> None:
    scene = Scene(Timeline(words(1)), head_after=0.1)
    scene.clock.run_to(100.2)

    assert scene.client.writes == [b"HEAD "]


def test_a_full_client_is_waited_for_and_then_gets_everything_due() -> None:
    scene = Scene(Timeline(words(10)))
    scene.clock.run_to(100.5)
    scene.client.full = True
    scene.clock.run_to(100.6)
    assert scene.client.data == b"HEAD 0 "

    scene.client.full = False
    scene.playback.resume(100.6)

    assert scene.client.data == b"HEAD 0 1 2 3 4 5 6 7 8 9 "
    assert scene.reports == [("whole", 20)]


def test_a_long_backlog_goes_out_in_bounded_writes() -> None:
    scene = Scene(Timeline(words(MOST_FRAMES_PER_WRITE + 1, apart=0)))
    scene.clock.run_to(101)

    assert len(scene.client.writes) == 2


@pytest.mark.parametrize(
    ("ending", "client", "report"),
    [("cut", "done", "cut"), ("cut_chunked", "closed", "cut"), ("reset", "reset", "cut"), ("hang", "", None)],
)
def test_every_ending_does_what_it_says(ending: Any, client: str, report: str | None) -> None:
    scene = Scene(Timeline(words(2), ending, "cut"))
    scene.clock.run_to(100.6 + LINGER_SECONDS)

    assert scene.client.ended == client
    assert scene.reports == ([(report, 4)] if report else [])


def test_a_client_that_leaves_is_told_with_what_it_got_and_gets_no_more() -> None:
    scene = Scene(Timeline(words(10)))
    scene.clock.run_to(100.5)
    scene.playback.client_gone()
    scene.clock.run_to(101)

    assert scene.reports == [("client_gone", 2)]
    assert scene.client.data == b"HEAD 0 "


def test_frames_keep_their_order_whatever_their_seconds_say() -> None:
    scene = Scene(Timeline([Frame(0.9, b"role ", 0, "role"), *words(2)]))
    scene.clock.run_to(100.8)
    assert scene.client.data == b""

    scene.clock.run_to(101)

    assert scene.client.data == b"HEAD role 0 1 "


def test_characters_are_cut_and_nothing_is_lost() -> None:
    frames = [Frame(0.5 + index / 100, "grün 😀 ".encode(), 1, "content") for index in range(3)]
    scene = Scene(Timeline(frames, split_characters=True))
    scene.clock.run_to(101)

    assert scene.client.data == b"HEAD " + "grün 😀 ".encode() * 3
    assert [write for write in scene.client.writes if write[0] & 0xC0 == 0x80]
    assert scene.reports == [("whole", 3)]


def test_an_endless_line_begins_again_at_its_content_and_keeps_its_pace() -> None:
    role = Frame(0.5, b"role ", 0, "role")
    scene = Scene(Timeline([role, *words(4, apart=0.1)], ended="hang", endless=True))
    scene.clock.run_to(101.5)

    assert scene.client.data.count(b"role") == 1
    assert scene.client.data.count(b"2 ") == pytest.approx(3, abs=1)


def test_a_hang_is_the_reason_when_the_client_leaves_a_stalled_answer() -> None:
    scene = Scene(Timeline(words(1), "hang", "hang"))
    scene.clock.run_to(100.6)
    scene.playback.client_gone()

    assert scene.reports == [("hang", 2)]
