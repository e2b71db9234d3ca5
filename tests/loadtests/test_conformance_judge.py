"""Verdicts from literals: what an answer's bytes say, what each check sees, and what comes of both."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
import yaml

from loadtests.bench.processes import ROOT
from loadtests.conformance import gateways
from loadtests.conformance.answer import Answer, End, read
from loadtests.conformance.cases import CASES, MODEL, OTHER, Ask, Case
from loadtests.conformance.checks import KINDS, By, Call, Check, Seen, complaint
from loadtests.conformance.judge import Judgement, Verdict, judge
from loadtests.conformance.report import markdown
from plugins.policy.routing import RoutingFile

WORDS = ["w0001 ", "w0002 ", "w0003 "]
WHOLE = Answer(End.WHOLE, 0.1, words=3, usage=True, model="there")
REFUSED = Answer(End.REFUSED, 0.1, status=400, code="context_length_exceeded")
BROKEN = Answer(End.BROKEN, 0.1, words=2)
OK = Call(0.0)


def sse(*chunks: dict[str, Any], done: bool = True) -> bytes:
    return b"".join(b"data: " + orjson.dumps(each) + b"\n\n" for each in chunks) + b"data: [DONE]\n\n" * done


def text(*words: str) -> list[dict[str, Any]]:
    return [{"model": "m", "choices": [{"delta": {"content": word}}]} for word in words]


STOP = {"choices": [{"delta": {}, "finish_reason": "stop"}]}
ERROR = {"error": {"code": "stream_interrupted", "message": "broken"}, "choices": [{"finish_reason": "error"}]}


@pytest.mark.parametrize(
    ("body", "told", "end"),
    [
        (sse(*text(*WORDS), STOP), {}, End.WHOLE),
        (sse(*text(*WORDS), STOP, done=False), {}, End.WHOLE),
        (sse(*text(*WORDS), STOP, done=False), {"cut": True}, End.WHOLE),
        (sse(*text(*WORDS[:2]), STOP), {}, End.LIE),
        (sse(*text(*WORDS, WORDS[2]), STOP), {}, End.LIE),
        (sse(*text(*WORDS), done=False), {}, End.LIE),
        (sse(*text(*WORDS[:2]), done=False), {}, End.LIE),
        (sse(*text(WORDS[0], WORDS[2], WORDS[1]), STOP), {}, End.LIE),
        (b"", {}, End.LIE),
        (sse(*text(*WORDS[:2]), done=False), {"cut": True}, End.BROKEN),
        (sse(*text(*WORDS[:2]), ERROR, done=False), {}, End.BROKEN),
        (sse(*text(*WORDS[:2]), ERROR), {}, End.BROKEN),
        (sse(*text(*WORDS[:2]), done=False), {"gave_up": True}, End.HANG),
    ],
)
def test_an_answer_is_whole_visibly_broken_or_a_lie(body: bytes, told: dict[str, bool], end: End) -> None:
    assert read(200, {"content-type": "text/event-stream"}, body, expected=3, **told).end == end


def test_an_answer_in_json_is_read_alike() -> None:
    whole = {"model": "m", "choices": [{"message": {"content": "".join(WORDS)}, "finish_reason": "stop"}]}
    body = orjson.dumps({**whole, "usage": {"completion_tokens": 3}})

    found = read(200, {"x-waferline-deployment": "fallback/m"}, body, expected=3, seconds=0.2)

    assert (found.end, found.words, found.model, found.deployment, found.usage) == (
        End.WHOLE,
        3,
        "m",
        "fallback/m",
        True,
    )
    assert read(200, {}, body[:40], expected=3).end == End.LIE


def test_a_refusal_keeps_its_reason() -> None:
    body = orjson.dumps({"error": {"code": "content_filter", "message": "rejected"}})

    found = read(400, {"content-type": "application/json"}, body, expected=3)

    assert (found.end, found.status, found.code, str(found)) == (
        End.REFUSED,
        400,
        "content_filter",
        "refused 400 content_filter",
    )


def seen(
    *answers: Answer, primary: tuple[Call, ...] = (OK,), fallback: tuple[Call, ...] = (), alive: bool = True
) -> Seen:
    return Seen(answers or (WHOLE,), primary, fallback, alive)


AT = [Call(at) for at in (10.0, 10.5, 12.0)]
DOWN = [Call(at, "503", "refused") for at in (0.0, 1.0, 7.0)]


@pytest.mark.parametrize(
    ("check", "fine", "wrong"),
    [
        (Check("attempts_most", 2), seen(primary=(OK, OK)), seen(primary=(OK, OK, OK))),
        (Check("attempts_least", 2), seen(primary=(OK, OK)), seen()),
        (Check("gap_least", 1), seen(primary=(AT[0], AT[2])), seen(primary=(AT[0], AT[1]))),
        (Check("gap_least", 1), seen(), seen(primary=tuple(AT))),
        (Check("seconds_most", 1), seen(), seen(WHOLE, replace(WHOLE, seconds=1.1))),
        (Check("usage"), seen(), seen(WHOLE, replace(WHOLE, usage=False))),
        (Check("told_model", "there"), seen(), seen(replace(WHOLE, model="here"))),
        (Check("told", "there"), seen(replace(WHOLE, model="", deployment="there/m")), seen(replace(WHOLE, model="m"))),
        (Check("reason", "context"), seen(REFUSED), seen(replace(REFUSED, code="invalid_request"))),
        (Check("reason", "context"), seen(replace(REFUSED, code="400", message="Context")), seen(WHOLE)),
        (Check("no_fallback"), seen(), seen(fallback=(OK,))),
        (Check("alive"), seen(), seen(alive=False)),
        (Check("no_masking"), seen(BROKEN), seen(REFUSED, fallback=(Call(0, prefill=True),))),
        (
            Check("served_in_outage", 6),
            seen(WHOLE, replace(BROKEN, asked_at=6.5)),
            seen(WHOLE, replace(BROKEN, asked_at=5.0)),
        ),
        (Check("back_within", 3), seen(primary=(*DOWN, Call(8.9))), seen(primary=(*DOWN, Call(9.1)))),
        (Check("back_within", 3), seen(primary=(*DOWN, Call(6.1))), seen(primary=tuple(DOWN))),
        (Check("calls_in_outage_most", 2), seen(primary=(*DOWN[:2], OK)), seen(primary=(*DOWN, OK))),
        (Check("model_served", OTHER), seen(primary=(Call(0, model=OTHER),)), seen(primary=(Call(0, model=MODEL),))),
    ],
    ids=lambda value: value.kind if isinstance(value, Check) else "",
)
def test_a_check_sees_what_it_is_for_and_nothing_else(check: Check, fine: Seen, wrong: Seen) -> None:
    assert complaint(check, fine) is None
    assert complaint(check, wrong)


PLAIN = Case("S98", "anything", {}, letter_right=None)
STRICT = replace(PLAIN, checks=(Check("attempts_most", 1),))
MUST = replace(PLAIN, checks=(Check("attempts_most", 1, must=True),))
NO = replace(PLAIN, right=End.REFUSED)
TWICE = (OK, OK)


@pytest.mark.parametrize(
    ("case", "what", "verdict"),
    [
        (PLAIN, seen(), Verdict.PASS),
        (STRICT, seen(), Verdict.PASS),
        (STRICT, seen(primary=TWICE), Verdict.PARTIAL),
        (MUST, seen(primary=TWICE), Verdict.FAIL),
        (PLAIN, seen(BROKEN), Verdict.SAFE),
        (PLAIN, seen(REFUSED), Verdict.SAFE),
        (STRICT, seen(BROKEN, primary=TWICE), Verdict.SAFE),
        (MUST, seen(BROKEN, primary=TWICE), Verdict.FAIL),
        (PLAIN, seen(WHOLE, BROKEN), Verdict.SAFE),
        (PLAIN, seen(WHOLE, Answer(End.LIE, 0.1)), Verdict.FAIL),
        (PLAIN, seen(WHOLE, Answer(End.HANG, 13)), Verdict.FAIL),
        (NO, seen(REFUSED), Verdict.PASS),
        (NO, seen(WHOLE), Verdict.PARTIAL),
        (NO, seen(BROKEN), Verdict.SAFE),
        (NO, seen(Answer(End.LIE, 0.1)), Verdict.FAIL),
    ],
)
def test_the_verdict_is_what_the_user_got_and_how_the_provider_was_treated(
    case: Case, what: Seen, verdict: Verdict
) -> None:
    assert judge(case, what).verdict == verdict
    assert judge(case, what).letter is None


def test_where_failoverbench_asks_for_more_or_less_both_verdicts_are_told() -> None:
    case = Case("S99", "any", {}, (Check("attempts_least", 2, by=By.LETTER), Check("seconds_most", 1, by=By.OURS)))

    assert judge(case, seen()) == Judgement(
        Verdict.PASS, Verdict.PARTIAL, ("by the letter: the primary was not tried again",)
    )
    slow = seen(replace(WHOLE, seconds=2), primary=TWICE)
    assert judge(case, slow) == Judgement(Verdict.PARTIAL, Verdict.PASS, ("took 2.0 s",))


def test_every_case_has_a_name_of_its_own_and_only_checks_that_exist() -> None:
    assert [case.id for case in CASES][:16] == [f"S{number:02}" for number in range(1, 17)]
    assert len({case.id for case in CASES}) == len(CASES)
    assert {check.kind for case in CASES for check in case.checks} <= KINDS
    assert all((case.letter_right is None) == case.id.startswith("W") for case in CASES)
    assert all(isinstance(ask, Ask) for case in CASES for ask in case.asks)


def test_the_scorecard_shows_each_verdict_the_letter_and_why() -> None:
    case = next(each for each in CASES if each.id == "S03")
    own = next(each for each in CASES if each.id == "W01")
    scores = {"a lane": {"S03": judge(case, seen()), "W01": judge(own, seen(BROKEN))}}

    page = markdown([case, own], scores, {"litellm": "1"})

    assert "| S03 | 500, once | pass (partial) |" in page
    assert "| a lane | 1 | 0 | 0 | 0 |" in page
    assert "| a lane, by the letter | 0 | 1 | 0 | 0 |" in page
    assert "| a lane | 0 | 0 | 1 | 0 |" in page
    assert "- W01 safe: broken after 2 words" in page


def test_waits_are_scaled_and_what_a_429_says_is_not() -> None:
    routing = (ROOT / "policies" / "routing.yaml").read_text()
    circuits = (ROOT / "policies" / "circuits.yaml").read_text()

    shorter = gateways.scaled(routing, gateways.SCALED["routing.yaml"])
    opened = gateways.scaled(circuits, gateways.SCALED["circuits.yaml"])

    assert "first_token_seconds: 0.5" in shorter
    assert "connect_seconds: 2" in shorter
    assert "deadlines: {first_token_seconds: 0.2, stall_seconds: 0.2}" in shorter
    assert "pace_seconds: 0.5" in shorter
    assert "total_seconds: 300" in shorter
    assert "  seconds: 0.5\n  most_seconds: 12\n" in opened
    assert "window_seconds: 1\n" in opened
    assert "misconfigured_seconds: 6 " in opened
    assert "  least_seconds: 0.25\n  most_seconds: 60\n" in opened


@pytest.mark.parametrize(
    ("name", "lane", "atomic"),
    [
        (gateways.EXPRESS, "express", "never"),
        (gateways.LITELLM, "litellm", "never"),
        (gateways.ATOMIC_EXPRESS, "express", "always"),
        (gateways.ATOMIC_LITELLM, "litellm", "always"),
    ],
)
def test_a_gateway_has_the_lane_and_the_commit_of_its_name(name: str, lane: str, atomic: str) -> None:
    routing = RoutingFile.model_validate(
        yaml.safe_load(gateways.as_named((ROOT / "policies" / "routing.yaml").read_text(), name))
    )

    assert (routing.lane, routing.commit.atomic, routing.deadlines.minimum_tokens_per_s) == (lane, atomic, 50)
