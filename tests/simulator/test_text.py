import json
import random

import pytest

from simulator.text import Reel, event_size, first_tokens, passage_of, reel


def test_numbered_text_counts_its_tokens() -> None:
    passage = Reel("numbered", 0, 2.5).passage(5)

    assert passage.text == "w0001 w0002 w0003 w0004 w0005 "
    assert passage.tokens == 5


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100, 3000])
def test_a_passage_has_exactly_the_tokens_asked_for(count: int) -> None:
    passage = Reel("numbered", 0, 2.5).passage(count)

    assert passage.tokens == count
    assert len(passage.text.split()) == count


@pytest.mark.parametrize("boundary", range(1, 30))
def test_an_event_ends_at_the_boundary_and_the_text_is_the_same(boundary: int) -> None:
    strip = Reel("numbered", 0, 3.5)
    passage = strip.passage(30, boundary)
    ends = [sum(passage.sizes[: index + 1]) for index in range(len(passage.sizes))]

    assert boundary in ends
    assert passage.text == strip.passage(30).text


def test_the_same_variant_says_the_same_and_another_does_not() -> None:
    assert Reel("prose", 3, 2.5).passage(80) == Reel("prose", 3, 2.5).passage(80)
    assert Reel("prose", 3, 2.5).passage(80).text != Reel("prose", 4, 2.5).passage(80).text


def test_a_longer_answer_begins_like_a_shorter_one() -> None:
    strip = reel("prose", 1, 2.5)

    assert strip.passage(5000).text.startswith(strip.passage(50).text)


@pytest.mark.parametrize("mean", [1, 2, 2.5, 2.8, 8])
def test_events_hold_the_mean_number_of_tokens(mean: float) -> None:
    sizes = Reel("numbered", 0, mean).passage(20_000).sizes

    assert sum(sizes) / len(sizes) == pytest.approx(mean, rel=0.05)


def test_unicode_text_leaves_ascii_and_stays_utf8() -> None:
    passage = Reel("unicode", 0, 2.5).passage(200)

    assert not passage.text.isascii()
    assert all(json.loads(piece.decode()) for piece in passage.pieces)


def test_given_text_is_kept_and_can_be_cut() -> None:
    text = json.dumps({"answer": "a longer value than four characters"})
    passage = passage_of(text, 2.5)

    assert passage.text == text
    assert text.startswith(first_tokens(passage, 4).text)
    assert first_tokens(passage, 0).tokens == 0


def test_one_token_events_hold_one_token() -> None:
    assert {event_size(random.Random(1), 1) for _ in range(50)} == {1}
