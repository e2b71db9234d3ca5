import pytest

from simulator.knobs import Knobs
from simulator.limiter import Limit, Limiter, Need, Permit, Refused, reservation, reset_seconds
from simulator.tiers import headers, limits

ACCOUNT = ("key", "gpt-oss-120b")
RPM_2 = (Limit("requests", "minute", 2),)
TPM_100 = (Limit("tokens", "minute", 100),)
DUAL = (Limit("tokens", "minute", 100, "uncached"), Limit("tokens", "minute", 300, "total"))


def admitted(limiter: Limiter, limit: tuple[Limit, ...], need: Need, now: float) -> bool:
    return isinstance(limiter.admit(ACCOUNT, limit, need, now), Permit)


# (second, prompt, cached, completion) -> let in
@pytest.mark.parametrize(
    ("limit", "steps"),
    [
        (
            RPM_2,
            [(0, 1, 0, 1, True), (0, 1, 0, 1, True), (0, 1, 0, 1, False), (29, 1, 0, 1, False), (30, 1, 0, 1, True)],
        ),
        (TPM_100, [(0, 40, 0, 60, True), (0, 1, 0, 0, False), (6, 10, 0, 0, True), (6, 1, 0, 0, False)]),
        (TPM_100, [(0, 50, 0, 51, False), (0, 50, 0, 50, True)]),
        (DUAL, [(0, 200, 150, 50, True), (0, 20, 20, 0, True), (0, 50, 50, 0, False)]),
        (DUAL, [(0, 60, 0, 60, False), (0, 60, 60, 60, True)]),
    ],
    ids=["requests refill", "tokens refill", "reservation is prompt and completion", "total bucket", "uncached bucket"],
)
def test_requests_are_let_in_while_every_bucket_holds_enough(
    limit: tuple[Limit, ...], steps: list[tuple[float, int, int, int, bool]]
) -> None:
    limiter = Limiter()

    for now, prompt, cached, completion, expected in steps:
        assert admitted(limiter, limit, Need(prompt, cached, completion), now) is expected


def test_a_bucket_never_holds_more_than_its_limit() -> None:
    limiter = Limiter()
    limiter.admit(ACCOUNT, TPM_100, Need(10, 0, 0), 0)

    assert limiter.remaining(ACCOUNT, TPM_100, 100_000) == [(TPM_100[0], 100)]


def test_what_was_reserved_and_not_used_comes_back() -> None:
    limiter = Limiter()
    permit = limiter.admit(ACCOUNT, TPM_100, Need(20, 0, 80), 0)
    assert isinstance(permit, Permit)
    limiter.settle(permit, Need(20, 0, 5), 0)

    assert limiter.remaining(ACCOUNT, TPM_100, 0) == [(TPM_100[0], 75)]


def test_using_more_than_reserved_leaves_a_debt() -> None:
    limiter = Limiter()
    permit = limiter.admit(ACCOUNT, TPM_100, Need(20, 0, 0), 0)
    assert isinstance(permit, Permit)
    limiter.settle(permit, Need(20, 0, 140), 0)

    assert limiter.remaining(ACCOUNT, TPM_100, 0) == [(TPM_100[0], -60)]
    assert not admitted(limiter, TPM_100, Need(1, 0, 0), 30)


def test_a_refusal_says_when_it_would_have_worked_and_takes_nothing() -> None:
    limiter = Limiter()
    limiter.admit(ACCOUNT, TPM_100, Need(100, 0, 0), 0)
    refused = limiter.admit(ACCOUNT, TPM_100, Need(50, 0, 0), 0)

    assert isinstance(refused, Refused)
    assert refused.seconds == pytest.approx(30)
    assert admitted(limiter, TPM_100, Need(50, 0, 0), 30.001)


def test_keys_and_models_have_buckets_of_their_own() -> None:
    limiter = Limiter()

    assert isinstance(limiter.admit(("a", "m"), TPM_100, Need(100, 0, 0), 0), Permit)
    assert isinstance(limiter.admit(("b", "m"), TPM_100, Need(100, 0, 0), 0), Permit)
    assert isinstance(limiter.admit(("a", "n"), TPM_100, Need(100, 0, 0), 0), Permit)


@pytest.mark.parametrize(
    ("asked", "reserved"), [(None, 16_384), (500, 500), (32_000, 16_384)], ids=["absent", "as asked", "capped"]
)
def test_completion_is_reserved_as_asked_up_to_the_cap(asked: int | None, reserved: int) -> None:
    assert reservation(10, 0, asked, 16_384).completion == reserved


@pytest.mark.parametrize(
    ("until", "available", "seconds"), [("full", 40, 36), ("usable", 40, 0), ("usable", -4, 3), ("full", 100, 0)]
)
def test_reset_counts_to_a_full_or_a_usable_bucket(until: str, available: float, seconds: float) -> None:
    assert reset_seconds(TPM_100[0], available, until) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("knobs", "model", "expected"),
    [
        ({"tier": "unlimited"}, "gpt-oss-120b", []),
        ({"tier": "free"}, "gpt-oss-120b", [5, 30_000, 90_000, 1_000_000, 1_000_000]),
        ({"tier": "developer"}, "gpt-oss-120b", [1000, 1_000_000, 3_000_000]),
        ({"tier": "developer"}, "qwen-3.8-27b", [300, 150_000, 750_000]),
        ({"tpm": 1000}, "gpt-oss-120b", [1000, 3000]),
        ({"rpm": 0}, "gpt-oss-120b", [0]),
    ],
)
def test_limits_follow_tier_and_knobs(knobs: dict[str, object], model: str, expected: list[int]) -> None:
    assert [limit.amount for limit in limits(model, Knobs.model_validate(knobs))] == expected


def test_headers_of_the_unlimited_tier_leave_room_for_any_load() -> None:
    told = headers([], Knobs(), spent=1000)

    assert told["x-ratelimit-limit-requests-day"] == "1440000000"
    assert told["x-ratelimit-remaining-tokens-minute"] == "9999999000"
    assert float(told["x-ratelimit-reset-tokens-minute"]) == 60.0


def test_a_zero_limit_refuses_everything_and_divides_by_nothing() -> None:
    refused = Limiter().admit(ACCOUNT, (Limit("requests", "minute", 0),), Need(1, 0, 1), 0)

    assert isinstance(refused, Refused)
    assert reset_seconds(refused.limit, 0, "full") == 60
