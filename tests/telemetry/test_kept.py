"""What is kept of an answer for loggers: bounded, and read back as one object."""

from __future__ import annotations

from plugins.telemetry import kept as module
from plugins.telemetry.kept import Kept, completion


def chunk(text: str, finish: str = "null") -> bytes:
    return b'data: {"id":"a","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":%s}]}\n\n' % (
        text.encode(),
        finish.encode(),
    )


def test_a_stream_is_read_back_as_one_answer() -> None:
    kept = Kept({}, {})
    for part in (chunk("Hel"), chunk("lo", '"stop"'), b"data: [DONE]\n\n"):
        kept.append(part)

    choice = completion(kept, streamed=True)["choices"][0]

    assert (choice["message"]["content"], choice["finish_reason"]) == ("Hello", "stop")


def test_half_a_stream_is_read_as_far_as_it_came() -> None:
    kept = Kept({}, {})
    kept.append(chunk("Hel"))
    kept.append(chunk("lo")[:20])

    assert completion(kept, streamed=True)["choices"][0]["message"]["content"] == "Hel"


def test_an_answer_in_one_piece_is_itself() -> None:
    kept = Kept({}, {})
    kept.append(b'{"id":"a","choices":[]}')

    assert completion(kept, streamed=False) == {"id": "a", "choices": []}


def test_nothing_kept_is_an_answer_without_choices() -> None:
    assert completion(Kept({}, {}), streamed=True)["choices"] == []
    assert completion(Kept({}, {}), streamed=False) == {}


def test_no_more_is_kept_than_fits_and_nothing_behind_a_gap() -> None:
    kept = Kept({}, {})
    kept.append(chunk("first"))
    kept.append(b"x" * module.LARGEST_ANSWER)
    kept.append(chunk("third"))

    assert kept.truncated
    assert kept.parts == [chunk("first")]
    assert completion(kept, streamed=True)["choices"][0]["message"]["content"] == "first"
