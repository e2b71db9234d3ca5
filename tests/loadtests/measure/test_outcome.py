"""A request ends in one way, and the way says who should look at it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadtests.measure.outcome import Exchange, classify, fits
from loadtests.measure.reader import Heard
from loadtests.record.sample import Outcome

WHOLE = Heard(
    first=0.2,
    last=0.6,
    events=200,
    first_events=2,
    completion_tokens=500,
    finish="stop",
    whole=True,
    done=True,
    model="gpt-oss-120b",
)
FINE = Exchange(status=200, seconds=0.6, most_tokens=500, expected_models=("gpt-oss-120b",))
NOTHING = Heard()


@pytest.mark.parametrize(
    ("outcome", "exchange", "heard"),
    [
        (Outcome.WHOLE, FINE, WHOLE),
        (Outcome.WHOLE, FINE, replace(WHOLE, done=False)),  # every client takes the finish reason for the end
        (Outcome.WHOLE, FINE, replace(WHOLE, finish="length")),
        (Outcome.WHOLE, replace(FINE, streamed=False), replace(WHOLE, first=0.6, events=1, first_events=1)),
        (Outcome.TRUNCATED, FINE, replace(WHOLE, whole=False, finish=None)),
        (Outcome.TRUNCATED, FINE, replace(WHOLE, numbers_hold=False)),
        (Outcome.TRUNCATED, FINE, replace(WHOLE, finish="length", completion_tokens=499)),
        (Outcome.TRUNCATED, FINE, NOTHING),
        (Outcome.EMPTY, FINE, replace(WHOLE, first=None, last=None, events=0)),
        (Outcome.BUFFERED, FINE, replace(WHOLE, first=0.6)),
        (Outcome.BUFFERED, FINE, replace(WHOLE, first_events=190)),
        (Outcome.WHOLE, replace(FINE, late=0.15), replace(WHOLE, first_events=190)),  # it may have waited for us
        (Outcome.BUFFERED, replace(FINE, late=0.05), replace(WHOLE, first_events=190)),
        (Outcome.WHOLE, FINE, replace(WHOLE, first_events=8, events=10, completion_tokens=40)),
        (Outcome.WRONG_MODEL, FINE, replace(WHOLE, model="llama3.1-8b")),
        (Outcome.BROKEN, FINE, replace(WHOLE, whole=False, error="stream_interrupted")),
        (Outcome.BROKEN, replace(FINE, trouble="cut"), replace(WHOLE, whole=False)),
        (Outcome.BROKEN, replace(FINE, trouble="stall"), replace(WHOLE, whole=False)),
        (Outcome.FAILED, replace(FINE, trouble="first_token_timeout"), NOTHING),
        (Outcome.FAILED, replace(FINE, status=None, trouble="refused"), NOTHING),
        (Outcome.FAILED, replace(FINE, status=500), NOTHING),
        (Outcome.FAILED, replace(FINE, status=503, seconds=0.01, code="upstream_unavailable"), NOTHING),
        (Outcome.FAILED, replace(FINE, status=503, seconds=2.0), NOTHING),
        (Outcome.SHED, replace(FINE, status=503, seconds=0.01), NOTHING),
        (Outcome.SHED, replace(FINE, status=503, seconds=2.0, code="overloaded"), NOTHING),
        (Outcome.LIMITED, replace(FINE, status=429), NOTHING),
        (Outcome.REFUSED, replace(FINE, status=404), NOTHING),
    ],
)
def test_a_request_ends_in_one_way(outcome: Outcome, exchange: Exchange, heard: Heard) -> None:
    found, why = classify(exchange, heard)

    assert (outcome, outcome is Outcome.WHOLE) == (found, why is None)


def test_a_refusal_is_told_by_its_code_where_there_is_one() -> None:
    assert classify(replace(FINE, status=403, code="model_blocked"), NOTHING) == (Outcome.REFUSED, "model_blocked")
    assert classify(replace(FINE, status=502), NOTHING) == (Outcome.FAILED, "status 502")


def test_a_dated_variant_is_the_model_that_was_asked_for() -> None:
    assert fits("gpt-5-2026-01-01", ["gpt-5"])
    assert fits("gpt-oss-120b", ["openai/gpt-oss-120b"])
    assert fits(None, ["gpt-5"])
    assert fits("anything", [])
    assert not fits("gpt-5-mini", ["gpt-5"])
