"""The table. S01 to S16 are FailoverBench's (github.com/failoverbench/failoverbench, methodology v0.1); W.. are ours.

Its waits are a tenth as long here, and so are ours and LiteLLM's deadlines. What a header says is not scaled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from loadtests.conformance.answer import End
from loadtests.conformance.checks import By, Check

MODEL, OTHER = "gpt-oss-120b", "qwen-3.8-27b"
FALLBACK_NAME = "fallback"  # in the id of the deployment, and in the model's name there
FALLBACK_MODEL = f"{MODEL}-fallback"
WORDS = 60
SCALE = 10
PATIENCE_SECONDS = 13.0  # then a client gives up; FailoverBench's longest is 130
OUTAGE_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Ask:
    at: float = 0.0
    model: str = MODEL
    stream: bool = True


@dataclass(frozen=True, slots=True)
class Case:
    id: str
    title: str
    primary: Mapping[str, object]  # knobs of the simulated provider
    checks: tuple[Check, ...] = ()
    fallback: Mapping[str, object] = field(default_factory=dict)
    asks: tuple[Ask, ...] = (Ask(),)
    right: End = End.WHOLE
    letter_right: End | None = End.WHOLE  # what FailoverBench takes for right; None: not one of its cases


def _must(kind: str, value: float | str = 0) -> Check:
    return Check(kind, value, must=True)


def _should(kind: str, value: float | str = 0, by: By = By.BOTH) -> Check:
    return Check(kind, value, by=by)


def _refused(name: str, title: str, fault: str, reason: str, letter_right: End = End.WHOLE) -> Case:
    """A mistake of the client's, told by the provider in a 400."""
    checks = (_must("attempts_most", 1), _should("reason", reason, By.OURS), _should("no_fallback", by=By.OURS))
    return Case(name, title, {"fault": fault}, checks, right=End.REFUSED, letter_right=letter_right)


# Ours: a user who waits longer than this was not served, whatever comes.
LATE = _should("seconds_most", 1.5, By.OURS)
ALIVE = _must("alive")
UNSTREAMED = (Ask(stream=False),)

CASES = (
    Case(
        "S01",
        "429 with Retry-After: 1, once",
        {"fault": "429_tokens", "fault_for": 1, "retry_after": "1", "rate_headers": False},
        (_should("gap_least", 1), _must("attempts_most", 2), _should("attempts_least", 2, By.LETTER)),
    ),
    Case(
        "S02",
        "429 without Retry-After, always",
        {"fault": "429_queue", "rate_headers": False},
        (_must("attempts_most", 4), _should("attempts_most", 2, By.OURS), LATE),
    ),
    Case(
        "S03",
        "500, once",
        {"fault": "500", "fault_for": 1},
        (_should("attempts_least", 2, By.LETTER), LATE),
    ),
    Case(
        "S04", "503, always", {"fault": "503"}, (_must("attempts_most", 6), _should("attempts_most", 2, By.OURS), LATE)
    ),
    Case("S05", "reset before headers, once", {"fault": "reset_before_headers", "fault_for": 1}, (LATE,)),
    Case(
        "S06",
        "no response for 12 s",
        {"fault": "hang", "pause_seconds": 12},
        (_must("seconds_most", 10), _should("attempts_most", 1), LATE),
    ),
    Case(
        "S07",
        "first token after 2 s",
        {"first_token": 2, "headers_after": 0},
        (_should("seconds_most", 1.5), _should("attempts_most", 1, By.OURS)),
    ),
    Case("S08", "cut after 40 of 60 words", {"fault": "cut_chunked", "after": 40}, (LATE,)),
    Case(
        "S09",
        "silent after 20 words, closed 3 s later",
        {"fault": "stall_cut", "after": 20, "pause_seconds": 3},
        (_must("seconds_most", 4.5), ALIVE, LATE),
    ),
    Case(
        "S10",
        "malformed chunk, then all the rest",
        {"fault": "malformed", "after": 10, "tokens_per_event": 1},
        (ALIVE, LATE),
    ),
    Case("S11", "no [DONE]", {"fault": "no_done"}, (_must("seconds_most", 0.8), _should("usage"))),
    _refused("S12", "400 context length, always", "400_context", "context"),
    _refused("S13", "400 content filter, always", "400_content_filter", "content", End.REFUSED),
    Case(
        "S14",
        "cut after 40 words, the fallback refuses prefill",
        {"fault": "cut_chunked", "after": 40},
        (_must("no_masking"), LATE),
        fallback={"prefill": False},
    ),
    Case(
        "S15",
        "down for 6 s, then healthy; 20 requests, one every 0.4 s",
        {"fault": "503", "fault_seconds": OUTAGE_SECONDS},
        (
            _must("served_in_outage", OUTAGE_SECONDS),
            _must("back_within", OUTAGE_SECONDS / 2),
            _should("calls_in_outage_most", 15, By.OURS),  # one for each request, as if there were no circuit
        ),
        asks=tuple(Ask(at=0.4 * number) for number in range(20)),
    ),
    Case(
        "S16",
        "503, always: who is said to have served?",
        {"fault": "503"},
        (
            _must("attempts_most", 6),
            _should("usage"),
            _should("told", FALLBACK_NAME, By.OURS),
            Check("told_model", FALLBACK_MODEL, must=True, by=By.LETTER),
        ),
    ),
    Case("W01", "clean end without a finish reason", {"fault": "cut", "after": 40}, (LATE,), letter_right=None),
    Case(
        "W02", "all the words and [DONE], no finish reason", {"fault": "no_finish_but_done"}, (LATE,), letter_right=None
    ),
    Case(
        "W03",
        "the role, then silence",
        {"fault": "role_only"},
        (_should("attempts_most", 1), LATE),
        letter_right=None,
    ),
    Case(
        "W04",
        "1 token/s (here 10)",
        {"pace": 10, "tokens_per_event": 1},
        (_should("attempts_most", 1), LATE),
        letter_right=None,
    ),
    Case("W05", "an error event before the first word", {"fault": "error_event"}, (LATE,), letter_right=None),
    Case("W06", "an error event after 20 words", {"fault": "error_event", "after": 20}, (LATE,), letter_right=None),
    Case(
        "W07",
        "one model gone (503), another asked for",
        {"models": OTHER, "retired_status": 503},
        (_should("model_served", OTHER), _should("attempts_most", 7), LATE),
        asks=(*(Ask(at=0.1 * number) for number in range(6)), Ask(at=0.8, model=OTHER)),
        letter_right=None,
    ),
    Case(
        "W08",
        "S08 for a client that does not stream",
        {"fault": "cut_chunked", "after": 40},
        (LATE,),
        asks=UNSTREAMED,
        letter_right=None,
    ),
    Case(
        "W09",
        "S09 for a client that does not stream",
        {"fault": "stall", "after": 20},
        (LATE, ALIVE),
        asks=UNSTREAMED,
        letter_right=None,
    ),
    Case(
        "W10",
        "429 with Retry-After: 1, always; 4 requests within 0.6 s",
        {"fault": "429_tokens", "retry_after": "1", "rate_headers": False},
        (_should("gap_least", 1), LATE),
        asks=tuple(Ask(at=0.2 * number) for number in range(4)),
        letter_right=None,
    ),
)
