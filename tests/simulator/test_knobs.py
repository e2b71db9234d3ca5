import datetime as dt

import pytest

from simulator.knobs import KnobError, Knobs, read_directives, turn


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("fault=cut,after=40", {"fault": "cut", "after": "40"}),
        ("first-token=0.5, pace=9", {"first_token": "0.5", "pace": "9"}),
        (
            "retry_after=Wed, 21 Oct 2026 07:28:00 GMT,pace=5",
            {"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT", "pace": "5"},
        ),
        ("models=a|b", {"models": "a|b"}),
    ],
)
def test_directives_are_name_value_pairs(text: str, expected: dict[str, str]) -> None:
    assert read_directives(text) == expected


def test_text_values_become_their_kind() -> None:
    knobs = turn(Knobs(), {"pace": "50", "strict": "false", "models": "a|b", "today": "2026-02-17", "fault": 503}, "x")

    assert (knobs.pace, knobs.strict, knobs.models, knobs.today) == (50.0, False, ("a", "b"), dt.date(2026, 2, 17))
    assert knobs.fault == "503"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fautl": "cut"}, "here: no knob is called 'fautl', did you mean 'fault'"),
        ({"colour": "red"}, "here: no knob is called 'colour', see --help for the list"),
        ({"fault": "429_token"}, "here: fault must be one of 429_tokens, 429_queue (was '429_token')"),
        ({"pace": 0}, "here: pace input should be greater than 0 (was 0)"),
        (
            {"pace": "fast"},
            "here: pace input should be a valid number, unable to parse string as a number (was 'fast')",
        ),
    ],
)
def test_a_wrong_knob_is_one_sentence_with_its_cure(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(KnobError) as error:
        turn(Knobs(), changes, "here")

    assert str(error.value) == sentence


def test_a_directive_without_a_value_is_an_error() -> None:
    with pytest.raises(KnobError, match="write it as cut=value"):
        read_directives("cut")


def test_every_knob_is_described() -> None:
    assert [name for name, field in Knobs.model_fields.items() if not field.description] == []
