"""Faults as edits of a list of frames: no server, no clock."""

import pytest

from simulator.faults import EDITS, FAULTS, STATUS, Spoiling, place, spoil, spoil_body
from simulator.frames import Frame, Timeline
from simulator.refusals import by_fault

ROLE = Frame(0.1, b"data: role\n\n", 0, "role")
THOUGHT = Frame(0.1, b"data: thought\n\n", 4, "reasoning")
TURN = Frame(0.2, b"data: turn\n\n", 0, "turn")
WORDS = [Frame(0.2 + at / 10, b'data: {"id":"x","n":%d}\n\n' % at, 2, "content") for at in range(4)]
FINISH = Frame(0.6, b"data: finish\n\n", 0, "finish")
DONE = Frame(0.6, b"data: [DONE]\n\n", 0, "done")
WHOLE = [ROLE, THOUGHT, TURN, *WORDS, FINISH, DONE]


def spoiling(after: int = 4, pause: float | None = None, done: bool = False) -> Spoiling:
    return Spoiling(after, pause, b"data: error\n\n", b"data: flat\n\n", done)


def spoiled(fault: str, after: int = 4, pause: float | None = None, done: bool = False) -> Timeline:
    return spoil(Timeline(WHOLE), fault, spoiling(after, pause, done))


def kinds(line: Timeline) -> str:
    return " ".join(frame.kind for frame in line.frames)


@pytest.mark.parametrize(("after", "index"), [(0, 1), (2, 4), (4, 5), (8, 7), (99, 7)])
def test_the_place_of_a_fault_counts_content_tokens_and_stays_before_the_finish(after: int, index: int) -> None:
    assert place(WHOLE, after) == index


UP_TO_FOUR = "role reasoning turn content content"


@pytest.mark.parametrize(
    ("fault", "left", "ending"),
    [
        ("none", "role reasoning turn content content content content finish done", "whole"),
        ("cut", UP_TO_FOUR, "cut"),
        ("cut_chunked", UP_TO_FOUR, "cut_chunked"),
        ("reset", UP_TO_FOUR, "reset"),
        ("stall", UP_TO_FOUR, "hang"),
        ("stall_cut", UP_TO_FOUR + " note", "cut_chunked"),
        ("role_only", "role", "hang"),
        ("hang", "", "hang"),
        ("hang_after_headers", "", "hang"),
        ("error_event", UP_TO_FOUR + " error", "whole"),
        ("no_done", "role reasoning turn content content content content finish", "whole"),
        ("no_finish_but_done", "role reasoning turn content content content content done", "whole"),
        ("junk_after_done", "role reasoning turn content content content content finish done note", "whole"),
    ],
)
def test_a_fault_leaves_these_frames_and_ends_so(fault: str, left: str, ending: str) -> None:
    line = spoiled(fault)

    assert kinds(line) == left
    assert line.ending == ending


@pytest.mark.parametrize("fault", ["stall", "role_only", "hang", "hang_after_headers"])
def test_a_pause_with_an_end_delays_the_rest_and_loses_nothing(fault: str) -> None:
    line = spoiled(fault, pause=3)

    assert kinds(line) == kinds(Timeline(WHOLE))
    assert line.frames[-1].due == pytest.approx(3.6)
    assert line.ending == "whole"


def test_an_in_band_error_may_come_before_any_token_and_be_flat_and_be_followed_by_done() -> None:
    assert kinds(spoiled("error_event", after=0)) == "role error"
    assert spoiled("flat_error_event").frames[-1].data == b"data: flat\n\n"
    assert kinds(spoiled("error_event", done=True)).endswith("error done")


def test_a_malformed_event_is_in_the_middle_and_the_stream_goes_on() -> None:
    line = spoiled("malformed")

    assert kinds(line) == kinds(Timeline(WHOLE))
    assert line.frames[5].data == b'data: {"id":\n\n'


def test_a_buffered_answer_is_due_at_its_end_headers_too() -> None:
    line = spoiled("buffered")

    assert {frame.due for frame in line.frames} == {0.6}
    assert line.hold_headers


def test_legal_framing_changes_bytes_and_not_meaning() -> None:
    assert spoiled("crlf").frames[0].data == b"data: role\r\n\r\n"
    assert spoiled("multi_line").frames[3].data == b'data: {"id":"x",\ndata: "n":0}\n\n'
    assert spoiled("comments").frames[1].data == b": keep-alive\n\ndata: role\n\n"


def test_a_trickle_sends_one_token_a_second_from_its_place_on() -> None:
    line = spoiled("trickle")

    assert [frame.due for frame in line.frames[5:]] == pytest.approx([0.4, 2.4, 4.4, 4.4])


def test_chatter_is_alive_and_says_nothing() -> None:
    line = spoiled("chatter", pause=0.2)

    assert kinds(line) == UP_TO_FOUR + " note note note note"
    assert [frame.due for frame in line.frames[5:]] == pytest.approx([0.45, 0.5, 0.55, 0.6])
    assert line.frames[-1].data == b": keep-alive\n\ndata: role\n\n"
    assert (line.ending, kinds(spoiled("chatter", after=0, pause=0.1))) == ("hang", "role note note")


def test_an_endless_answer_has_no_finish() -> None:
    assert kinds(spoiled("endless")) == "role reasoning turn content content content content"
    assert spoiled("endless").endless


@pytest.mark.parametrize("fault", EDITS)
def test_no_edit_fails_on_an_answer_without_content_or_with_tools_only(fault: str) -> None:
    for frames in ([ROLE, FINISH, DONE], [ROLE, THOUGHT, Frame(0.3, b"data: tool\n\n", 0, "tool"), FINISH, DONE]):
        for after in (0, 5):
            spoil(Timeline(frames), fault, spoiling(after))


@pytest.mark.parametrize(
    ("fault", "bytes_left", "ending"),
    [
        ("cut", 5, "cut_chunked"),
        ("reset", 5, "reset"),
        ("stall", 5, "hang"),
        ("hang", 0, "hang"),
        ("no_done", 10, "whole"),
    ],
)
def test_a_json_body_ends_half_way(fault: str, bytes_left: int, ending: str) -> None:
    line = spoil_body(Frame(0.1, b"0123456789", 8, "body"), fault, spoiling())

    assert sum(len(frame.data) for frame in line.frames) == bytes_left
    assert line.ending == ending


@pytest.mark.parametrize("fault", STATUS)
def test_every_status_fault_is_a_refusal_of_that_status(fault: str) -> None:
    assert by_fault(fault, "m", "queue").status == int(fault[:3])


def test_no_fault_has_two_names() -> None:
    assert len(set(FAULTS)) == len(FAULTS)
