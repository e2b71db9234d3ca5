"""What every store promises to the replicas of a fleet."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from plugins.state.store import Change, Known, Told
from tests.contract.conftest import Kept, in_time

OPENED: dict[str, Any] = {"change": Change.MADE, "state": "open", "open_ms": 60_000, "ejections": 1}
CLOSED: dict[str, Any] = {"change": Change.MADE, "state": "closed"}


def forced(state: str, ago: int) -> dict[str, Any]:
    return {"change": Change.BY_HAND, "state": state, "hand_ms": ago}


async def test_nothing_is_known_of_a_target_that_nobody_told_of(kept: Kept) -> None:
    assert await kept.tell("one") == Known(0, "closed", 0, 0, 0, -1, 0, 0, "", "", 0, 0, 0)


async def test_what_one_tells_all_know_with_the_time_that_is_left(kept: Kept) -> None:
    made = await kept.tell("one", **OPENED)

    seen = await kept.tell("other")

    assert (seen.epoch, seen.state, seen.ejections, seen.by) == (made.epoch, "open", 1, "one")
    assert 50_000 < seen.open_ms <= made.open_ms <= 60_000
    await in_time(lambda: _less(kept, seen.open_ms), what="the passing of time")


async def _less(kept: Kept, than: int) -> bool:
    return (await kept.tell("other")).open_ms < than


async def test_targets_are_told_of_at_once_and_know_nothing_of_each_other(kept: Kept) -> None:
    await kept.tell("one", "a", **OPENED)

    answer = await kept.whole("other", {name: Told() for name in "abc"})

    assert {name: known.state for name, known in answer.known.items()} == {"a": "open", "b": "closed", "c": "closed"}


async def test_of_two_changes_on_one_agreement_the_first_counts(kept: Kept) -> None:
    first = await kept.tell("one", **OPENED)

    second = await kept.tell("other", **{**OPENED, "ejections": 7})

    assert (second.epoch, second.by, second.ejections) == (first.epoch, "one", 1)


async def test_a_change_on_an_older_agreement_comes_to_nothing(kept: Kept) -> None:
    opened = await kept.tell("one", **OPENED)
    closed = await kept.tell("other", epoch=opened.epoch, **CLOSED)

    late = await kept.tell("third", epoch=opened.epoch, **OPENED)

    assert closed.epoch > opened.epoch
    assert (late.epoch, late.state) == (closed.epoch, "closed")


async def test_who_made_the_latest_agreement_may_go_on_though_the_answer_was_lost(kept: Kept) -> None:
    await kept.tell("one", **OPENED)

    assert (await kept.tell("one", **CLOSED)).state == "closed"


async def test_what_the_store_lost_is_known_again_from_who_knows_the_latest(kept: Kept) -> None:
    opened = await kept.tell("one", **OPENED)
    later = opened.epoch + 5

    restated = await kept.tell("other", epoch=later, state="half_open", successes=1, ejections=2)
    older = await kept.tell("one", epoch=opened.epoch, state="open", open_ms=9)

    assert restated[:5] == (later, "half_open", 0, 2, 1)
    assert older[:5] == restated[:5]


async def test_what_is_agreed_after_a_loss_outranks_whatever_was_known_before(kept: Kept) -> None:
    """Targets that nobody told of stand for a store that was emptied."""
    for _ in range(3):
        before = await kept.tell("one", **OPENED)
    emptied = (f"emptied-{number}" for number in count())

    async def outranks() -> bool:
        return (await kept.tell("other", next(emptied), **OPENED)).epoch > before.epoch

    await in_time(outranks, what="a later agreement")


# ---- by hand -------------------------------------------------------------------------------------------------------


async def test_a_hand_counts_whatever_was_agreed(kept: Kept) -> None:
    opened = await kept.tell("one", **OPENED)

    turned = await kept.tell("other", **forced("forced_closed", 5))

    assert turned.epoch > opened.epoch
    assert (turned.state, turned.hand_ms >= 5) == ("forced_closed", True)


async def test_of_two_hands_the_later_counts_whenever_it_is_told(kept: Kept) -> None:
    await kept.tell("one", **forced("forced_open", 5_000))

    older = await kept.tell("other", **forced("forced_closed", 90_000))
    newer = await kept.tell("other", **forced("forced_closed", 0))

    assert (older.state, newer.state) == ("forced_open", "forced_closed")


async def test_a_hand_forgets_the_gates(kept: Kept) -> None:
    await kept.tell("one", full_ms=9_000, misconfigured_ms=9_000)

    turned = await kept.tell("one", **forced("closed", 0))

    assert (turned.full_ms, turned.misconfigured_ms) == (0, 0)


# ---- gates ---------------------------------------------------------------------------------------------------------


async def test_of_two_gates_the_longer_counts(kept: Kept) -> None:
    await kept.tell("one", full_ms=30_000, misconfigured_ms=1_000)

    seen = await kept.tell("other", full_ms=2_000, misconfigured_ms=50_000)

    assert 20_000 < seen.full_ms <= 30_000
    assert 40_000 < seen.misconfigured_ms <= 50_000


async def test_a_gate_from_before_the_latest_agreement_counts_for_nothing(kept: Kept) -> None:
    await kept.tell("one", **forced("closed", 0))

    assert (await kept.tell("other", full_ms=9_000)).full_ms == 0


# ---- suspicions ----------------------------------------------------------------------------------------------------

SUSPECTED = {**OPENED, "change": Change.SUSPECTED}


async def test_a_suspicion_counts_once_two_have_it(kept: Kept) -> None:
    alone = [(await kept.tell("one", **SUSPECTED)).state for _ in range(2)]

    both = await kept.tell("other", **SUSPECTED)

    assert alone == ["closed", "closed"]
    assert (both.state, both.by) == ("open", "other")


async def test_a_suspicion_is_over_with_the_open_time(kept: Kept) -> None:
    brief = {**SUSPECTED, "open_ms": 1}
    await kept.tell("one", **brief)
    first = await kept.tell("third", "clock", **{**OPENED, "open_ms": 3})
    await in_time(lambda: _is_over(kept, first.epoch), what="the passing of time")

    assert (await kept.tell("other", **brief)).state == "closed"


async def _is_over(kept: Kept, epoch: int) -> bool:
    return (await kept.tell("third", "clock", epoch=epoch)).open_ms == 0


async def test_of_a_target_that_is_open_anyway_a_suspicion_is_believed_and_its_lease_is_gone(kept: Kept) -> None:
    opened = await kept.tell("one", asks=1, **OPENED)

    again = await kept.tell("one", **{**SUSPECTED, "epoch": opened.epoch, "ejections": 2, "asks": 1})

    assert (opened.holder, again.holder) == ("one", "")
    assert (again.state, again.ejections) == ("open", 2)


# ---- the lease -----------------------------------------------------------------------------------------------------


async def test_one_replica_at_a_time_has_the_lease_of_a_target_that_is_open(kept: Kept) -> None:
    assert (await kept.tell("one", asks=1)).holder == "", "there is nothing to probe"
    opened = await kept.tell("one", asks=1, **OPENED)
    now: dict[str, Any] = {"epoch": opened.epoch, "state": "open", "asks": 1}

    seen = [await kept.tell(name, **now) for name in ("other", "one", "third")]

    assert [each.holder for each in seen] == ["one"] * 3
    assert all(9_000 < each.lease_ms <= 10_000 for each in seen)


async def test_who_does_not_know_the_latest_agreement_gets_no_lease(kept: Kept) -> None:
    await kept.tell("one", **OPENED)

    assert (await kept.tell("other", asks=1)).holder == ""


async def test_a_lease_that_is_not_renewed_runs_out(kept: Kept) -> None:
    short = {"lease_ms": 40}
    opened = await kept.tell("one", terms=short, asks=1, **OPENED)

    async def anothers() -> bool:
        return (await kept.tell("other", terms=short, epoch=opened.epoch, asks=1)).holder == "other"

    await in_time(anothers, what="the end of the lease")
    assert opened.holder == "one"


async def test_a_lease_that_is_given_back_goes_to_who_wants_it(kept: Kept) -> None:
    opened = await kept.tell("one", asks=1, **OPENED)
    now: dict[str, Any] = {"epoch": opened.epoch, "state": "open"}
    for name in ("other", "third"):
        await kept.tell(name, asks=1, missed=int(name == "third"), **now)
    assert (await kept.tell("one", asks=1, **now)).wanted == 1

    given = await kept.tell("one", gives=1, **now)

    assert (given.holder, given.unused, given.wanted) == ("third", 1, 0)
    assert (await kept.tell("other", asks=1, **now)).holder == "third"


async def test_a_lease_that_nobody_wants_is_anybodys(kept: Kept) -> None:
    opened = await kept.tell("one", asks=1, **OPENED)
    now: dict[str, Any] = {"epoch": opened.epoch, "state": "open"}

    given = await kept.tell("one", gives=1, **now)

    assert given.holder == ""
    assert (await kept.tell("other", asks=1, **now)).holder == "other"


async def test_nobody_gives_back_what_another_has(kept: Kept) -> None:
    opened = await kept.tell("one", asks=1, **OPENED)

    assert (await kept.tell("other", epoch=opened.epoch, gives=1)).holder == "one"


async def test_a_probe_that_opens_or_half_opens_keeps_the_lease_and_closing_ends_it(kept: Kept) -> None:
    opened = await kept.tell("one", asks=1, **OPENED)
    half = await kept.tell("one", epoch=opened.epoch, change=Change.MADE, state="half_open", successes=1)
    closed = await kept.tell("one", epoch=half.epoch, **CLOSED)
    anew = await kept.tell("other", epoch=closed.epoch, **OPENED)

    assert [each.holder for each in (half, closed, anew)] == ["one", "", ""]


# ---- who shares, and for how long ----------------------------------------------------------------------------------


async def test_two_fleets_in_one_store_know_nothing_of_each_other(kept: Kept) -> None:
    await kept.tell("one", **OPENED)

    other = await kept.whole("other", {"t": Told()}, namespace=f"{kept.namespace}-b")

    assert (other.replicas, other.known["t"].state) == (1, "closed")


async def test_replicas_are_counted_until_they_are_silent(kept: Kept) -> None:
    await kept.tell("one")
    assert (await kept.whole("other", {})).replicas == 2

    async def counted() -> int:
        return (await kept.whole("other", {}, seen_ms=50)).replicas

    async def alone() -> bool:
        return await counted() == 1

    await in_time(alone, what="the other's silence")
    opened = await kept.tell("other", **{**OPENED, "open_ms": 100})
    while (await kept.tell("other", epoch=opened.epoch)).open_ms:
        assert await counted() == 1, "who is not silent stays"


@pytest.mark.parametrize("targets", [0, 1, 60])
async def test_there_may_be_as_many_targets_as_one_likes(kept: Kept, targets: int) -> None:
    told = {f"t{number}": Told() for number in range(targets)}

    answer = await kept.whole("one", {name: each._replace(**OPENED) for name, each in told.items()})

    assert {known.state for known in answer.known.values()} == ({"open"} if targets else set())
