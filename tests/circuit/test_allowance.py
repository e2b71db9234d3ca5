"""What is left of a rate limit, beside a limiter that works like a provider's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from plugins.circuit.allowance import Allowance, Reservation
from plugins.circuit.facts import Rejected, Why
from plugins.policy.circuits import Allowance as Settings
from plugins.policy.size import Size
from simulator.limiter import Limit, Limiter, Need, Permit

CEREBRAS = {
    "x-ratelimit-limit-tokens-minute": "60000",
    "x-ratelimit-remaining-tokens-minute": "6000",
    "x-ratelimit-reset-tokens-minute": "54.1",
    "x-ratelimit-limit-requests-day": "86400",
    "x-ratelimit-remaining-requests-day": "10",
    "x-ratelimit-reset-requests-day": "33011.38",
}
OPENAI = {
    "x-ratelimit-limit-tokens": "60000",
    "x-ratelimit-remaining-tokens": "6000",
    "x-ratelimit-reset-tokens": "1m48s",
}
EXACT = Settings(spare_ratio=0)


def allowance(made: Settings = EXACT, *, cerebras: bool = True) -> Allowance:
    return Allowance(lambda: made, reserves_unasked=cerebras)


def fields(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def told(
    headers: dict[str, str], made: Settings = EXACT, *, now: float = 0.0, let_in: bool = True, cerebras: bool = True
) -> Allowance:
    """An allowance that has heard this of a request that needed nothing."""
    found = allowance(made, cerebras=cerebras)
    found.hear(found.reserve(None, now), fields(headers), now, let_in=let_in)
    return found


def asking(tokens: int) -> Size:
    return Size(0, tokens)


def test_nobody_is_kept_from_a_target_of_which_nothing_is_known() -> None:
    assert allowance().rejection(asking(10**6), 0.0) is None


@pytest.mark.parametrize(("headers", "cerebras"), [(CEREBRAS, True), (OPENAI, False)])
def test_a_request_goes_elsewhere_until_it_would_fit(headers: dict[str, str], cerebras: bool) -> None:
    seen = told(headers, cerebras=cerebras)

    assert seen.rejection(asking(6000), 0.0) is None
    rejected = seen.rejection(asking(7000), 0.0)
    assert rejected is not None
    assert rejected.why is Why.ALLOWANCE
    refill = (
        1000 if cerebras else 500
    )  # a minute says itself how it refills, and a reset of 54,000 in 108 s says it too
    assert rejected.seconds == pytest.approx(1000 / refill)
    assert seen.rejection(asking(7000), rejected.seconds or 0) is None


def test_requests_are_counted_like_tokens() -> None:
    seen = told({**CEREBRAS, "x-ratelimit-remaining-requests-day": "0"})

    assert seen.rejection(asking(1), 0.0) == Rejected(1.0, Why.ALLOWANCE)  # one comes back every second


def test_what_can_never_fit_is_said_to_be_too_large() -> None:
    seen = told(CEREBRAS)

    assert seen.rejection(Size(50_000, 10_001), 0.0) == Rejected(None, Why.TOO_LARGE)
    assert seen.rejection(Size(50_000, 10_000), 60.0) is None


def test_some_is_left_unspent_but_a_request_as_large_as_the_limit_still_fits() -> None:
    seen = told(CEREBRAS, Settings(spare_ratio=0.05))

    assert seen.rejection(asking(3000), 0.0) is None
    assert seen.rejection(asking(3001), 0.0) is not None
    assert seen.rejection(Size(50_000, 10_000), 54.0) is None


@pytest.mark.parametrize(
    ("size", "cerebras", "need"),
    [
        (Size(100, 500), True, 600),
        (Size(100, None), True, 16_484),
        (Size(100, 32_000), True, 16_484),
        (Size(100, 500), False, 600),
        (Size(100, None), False, 100),
        (Size(100, 32_000), False, 32_100),
    ],
)
def test_a_request_needs_what_its_provider_reserves_for_it(size: Size, cerebras: bool, need: int) -> None:
    assert allowance(cerebras=cerebras).need(size) == need


def test_what_a_target_counted_corrects_the_next_estimate() -> None:
    seen = allowance()
    for _ in range(20):
        usage = {"prompt_tokens": 300, "completion_tokens": 10}
        seen.settle(seen.reserve(Size(200, 0), 0.0), usage, nothing=False)

    assert seen.need(Size(1000, 0)) == 1500


@pytest.mark.parametrize(
    "usage",
    [None, {}, *({"prompt_tokens": odd, "completion_tokens": 1} for odd in ("9", None, 1.5, -(10**4), 10**12))],
)
def test_an_answer_without_figures_used_what_was_reserved(usage: dict[str, Any] | None) -> None:
    seen = told(CEREBRAS)
    seen.settle(seen.reserve(asking(6000), 0.0), usage, nothing=False)

    assert seen.rejection(asking(1000), 0.0) == Rejected(1.0, Why.ALLOWANCE)


def test_what_was_heard_long_ago_is_no_longer_known() -> None:
    seen = told({**CEREBRAS, "x-ratelimit-limit-tokens-minute": "10"}, Settings(forgotten_after_seconds=100))

    assert seen.rejection(asking(11), 100.0) == Rejected(None, Why.TOO_LARGE)
    assert seen.rejection(asking(11), 100.1) is None
    assert seen.snapshot(100.1) == []


def test_an_operator_may_switch_it_off() -> None:
    assert told(CEREBRAS, Settings(heeded=False)).rejection(asking(10**6), 0.0) is None


def test_the_latest_request_to_be_sent_is_believed_however_late_others_are_answered() -> None:
    seen = allowance()
    first, second, third = (seen.reserve(asking(1000), 0.0) for _ in range(3))

    seen.hear(second, fields(CEREBRAS), 0.0, let_in=True)
    seen.hear(first, fields({**CEREBRAS, "x-ratelimit-remaining-tokens-minute": "9000"}), 0.0, let_in=True)

    assert (
        seen.snapshot(0.0)[0]["left"] == 5000
    )  # less the third's; between the first and the second, others spent 2,000
    seen.settle(third, None, nothing=True)
    assert seen.snapshot(0.0)[0]["left"] == 6000


def test_what_was_not_used_comes_back_and_what_was_used_beyond_that_comes_off() -> None:
    seen = allowance()
    first, second = (seen.reserve(asking(6000), 0.0) for _ in range(2))
    seen.hear(first, fields({**CEREBRAS, "x-ratelimit-remaining-tokens-minute": "12000"}), 0.0, let_in=True)
    seen.hear(second, fields(CEREBRAS), 0.0, let_in=True)

    seen.settle(first, {"prompt_tokens": 0, "completion_tokens": 100}, nothing=False)
    assert seen.snapshot(0.0)[0]["left"] == 6000 + 5900

    seen.settle(second, {"prompt_tokens": 0, "completion_tokens": 7000}, nothing=False)
    assert seen.snapshot(0.0)[0]["left"] == 6000 + 5900 - 1000


def test_what_came_back_before_an_answer_told_how_it_was_counts_as_well() -> None:
    seen = allowance()
    ended, told_of = (seen.reserve(asking(3000), 0.0) for _ in range(2))
    seen.hear(ended, fields(CEREBRAS), 0.0, let_in=True)
    seen.settle(ended, {"prompt_tokens": 0, "completion_tokens": 1000}, nothing=False)

    seen.hear(told_of, fields(CEREBRAS), 5.0, let_in=True)  # as it was when that one was sent, 5 s and 2,000 tokens ago

    assert seen.snapshot(5.0)[0]["left"] == 6000 + 5000 + 2000


def test_what_was_used_beyond_that_comes_off_what_is_told_of_a_request_sent_before() -> None:
    seen = allowance()
    ended, told_of = (seen.reserve(asking(1000), 0.0) for _ in range(2))
    seen.hear(ended, fields(CEREBRAS), 0.0, let_in=True)
    seen.settle(ended, {"prompt_tokens": 0, "completion_tokens": 1500}, nothing=False)

    seen.hear(told_of, fields(CEREBRAS), 0.0, let_in=True)

    assert seen.snapshot(0.0)[0]["left"] == 6000 - 500


def test_a_call_that_failed_after_it_was_let_in_gives_all_back() -> None:
    seen = allowance()
    failed = seen.reserve(asking(3000), 0.0)
    seen.hear(failed, fields(CEREBRAS), 0.0, let_in=True)

    seen.settle(failed, None, nothing=True)

    assert seen.snapshot(0.0)[0]["left"] == 9000


def test_a_call_that_never_arrived_took_nothing_whoever_told_last() -> None:
    seen = told(CEREBRAS)
    lost, later = (seen.reserve(asking(1000), 0.0) for _ in range(2))
    assert seen.snapshot(0.0)[0]["left"] == 4000

    seen.hear(later, fields({**CEREBRAS, "x-ratelimit-remaining-tokens-minute": "5000"}), 0.0, let_in=True)
    seen.settle(lost, None, nothing=True)
    assert seen.snapshot(0.0)[0]["left"] == 5000

    seen.settle(seen.reserve(asking(1000), 0.0), None, nothing=True)
    assert [each["left"] for each in seen.snapshot(0.0)] == [5000, 10]


def test_a_429_reserved_nothing() -> None:
    seen = allowance()
    refused = seen.reserve(asking(8000), 0.0)
    seen.hear(refused, fields(CEREBRAS), 0.0, let_in=False)
    seen.settle(refused, None, nothing=True)

    assert [(each["of"], each["left"]) for each in seen.snapshot(0.0)] == [("tokens", 6000), ("requests", 10)]


ODD = ["", "-1", "nan", "inf", "1e400", "soon", "12, 13", "\u00b2", "9" * 400, "0", "1e300", "5", "1m", "9ms"]
NAMES = [
    f"x-ratelimit-{figure}-{kind}{per}"
    for figure in ("limit", "remaining", "reset")
    for kind in ("tokens", "requests", "tokens-uncached")
    for per in ("", "-minute", "-day", "-week")
]


@pytest.mark.parametrize(
    ("limit", "left", "reset", "known"),
    [
        ("0", "0", "1", False),  # which would be no limit, but no service
        ("9" * 400, "9" * 400, "1", False),
        ("1000", "soon", "1", False),
        ("1000", "0", "1e300", True),  # nothing takes longer than a day
    ],
)
def test_figures_that_cannot_be_are_not_believed(limit: str, left: str, reset: str, known: bool) -> None:
    names = ("limit", "remaining", "reset")
    seen = told({f"x-ratelimit-{name}-tokens": value for name, value in zip(names, (limit, left, reset), strict=True)})

    rejected = seen.rejection(asking(1000), 0.0)

    assert (rejected is not None, len(seen.snapshot(0.0))) == (known, known)
    assert rejected is None or rejected.seconds == pytest.approx(86_400)


@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(ODD)), st.integers(0, 10**6), st.booleans())
def test_whatever_headers_hold_nobody_waits_for_ever(headers: dict[str, str], tokens: int, let_in: bool) -> None:
    seen = told(headers, let_in=let_in)

    rejected = seen.rejection(asking(tokens), 0.0)

    assert rejected is None or rejected.seconds is None or 0 < rejected.seconds <= 86_400 * 2
    assert seen.rejection(asking(tokens), 601.0) is None
    assert all(each["left"] >= 0 for each in seen.snapshot(0.0))


# ---- beside a provider's own limiter -----------------------------------------------------------------------------

TOKENS, REQUESTS = Limit("tokens", "minute", 60_000), Limit("requests", "minute", 30)
ACCOUNT = ("key", "model")


@dataclass
class Sent:
    reservation: Reservation
    permit: Permit | None
    need: int
    headers: list[tuple[bytes, bytes]]
    heard: bool = False


class Beside(RuleBasedStateMachine):
    """Requests are sent as the allowance has it, and a limiter says what becomes of them. Answers come in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.limiter = Limiter()
        self.allowance = allowance()
        self.sent: list[Sent] = []
        self.known = False

    @initialize()
    def somebody_else_spent_something(self) -> None:
        self.limiter.admit(ACCOUNT, (TOKENS, REQUESTS), Need(20_000, 0, 0), self.now)

    @rule(seconds=st.sampled_from([0.0, 0.01, 1.0, 7.0, 40.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(tokens=st.sampled_from([1, 500, 3000, 9000, 16_000]))
    def a_request_comes(self, tokens: int) -> None:
        rejected = self.allowance.rejection(asking(tokens), self.now)
        if rejected is None:
            self.send(tokens)
        else:
            assert rejected.why is Why.ALLOWANCE
            assert rejected.seconds is not None
            assert self.allowance.rejection(asking(tokens), self.now + rejected.seconds + 1e-6) is None

    @precondition(lambda self: any(not each.heard for each in self.sent))
    @rule(which=st.integers(0))
    def an_answer_begins(self, which: int) -> None:
        waiting = [each for each in self.sent if not each.heard]
        each = waiting[which % len(waiting)]
        each.heard = self.known = True
        self.allowance.hear(each.reservation, each.headers, self.now, let_in=each.permit is not None)
        if each.permit is None:
            self.allowance.settle(each.reservation, None, nothing=True)
            self.sent.remove(each)

    @precondition(lambda self: any(each.heard for each in self.sent))
    @rule(which=st.integers(0), share=st.sampled_from([0.0, 0.1, 1.0]))
    def an_answer_ends(self, which: int, share: float) -> None:
        speaking = [each for each in self.sent if each.heard]
        each = speaking[which % len(speaking)]
        self.sent.remove(each)
        used = int(each.need * share)
        assert each.permit is not None
        self.limiter.settle(each.permit, Need(0, 0, used), self.now)
        usage = {"prompt_tokens": 0, "completion_tokens": used}
        self.allowance.settle(each.reservation, usage, nothing=False)

    def send(self, tokens: int) -> None:
        reservation = self.allowance.reserve(asking(tokens), self.now)
        outcome = self.limiter.admit(ACCOUNT, (TOKENS, REQUESTS), Need(0, 0, tokens), self.now)
        permit = outcome if isinstance(outcome, Permit) else None
        assert permit is not None or not self.known, "it was told what is left, and asked for more"
        self.sent.append(Sent(reservation, permit, tokens, self.headers()))

    def headers(self) -> list[tuple[bytes, bytes]]:
        left = self.limiter.remaining(ACCOUNT, (TOKENS, REQUESTS), self.now)
        lines = {}
        for limit, available in left:
            lines[f"X-RateLimit-Limit-{limit.kind}-{limit.per}"] = str(limit.amount)
            lines[f"X-RateLimit-Remaining-{limit.kind}-{limit.per}"] = str(max(0, int(available)))
        return fields(lines)

    @invariant()
    def it_never_promises_more_than_there_is(self) -> None:
        if self.known:
            there = {limit.kind: left for limit, left in self.limiter.remaining(ACCOUNT, (TOKENS, REQUESTS), self.now)}
            for each in self.allowance.snapshot(self.now):
                assert each["left"] <= max(0, there[each["of"]]) + 1e-6


Beside.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None, derandomize=True)
test_it_never_asks_for_more_than_there_is = Beside.TestCase


def test_under_load_near_the_limit_nothing_is_refused_and_nearly_all_of_it_is_used() -> None:
    """Ten minutes of arrivals at twice the limit, each answered a while later."""
    limiter, seen, now, used, refused = Limiter(), allowance(Settings()), 0.0, 0, 0
    running: list[tuple[float, Sent]] = []
    while now < 600:
        now += 0.1
        while running and running[0][0] <= now:
            _, each = running.pop(0)
            seen.hear(each.reservation, each.headers, now, let_in=each.permit is not None)
            usage = {"prompt_tokens": 0, "completion_tokens": each.need}
            seen.settle(each.reservation, usage, nothing=each.permit is None)
        if seen.rejection(asking(200), now):
            continue
        reservation = seen.reserve(asking(200), now)
        outcome = limiter.admit(ACCOUNT, (TOKENS,), Need(0, 0, 200), now)
        permit = outcome if isinstance(outcome, Permit) else None
        refused, used = refused + (permit is None), used + (permit is not None) * 200
        ((_, left),) = limiter.remaining(ACCOUNT, (TOKENS,), now)
        told_now = {"x-ratelimit-limit-tokens-minute": "60000", "x-ratelimit-remaining-tokens-minute": str(int(left))}
        running.append((now + 0.5, Sent(reservation, permit, 200, fields(told_now))))

    assert refused == 0
    assert used >= 0.95 * (60_000 + 600 * 1000)
