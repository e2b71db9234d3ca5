"""What one replica finds out the others know after a tick of each, and what is late changes nothing."""

from __future__ import annotations

import pytest

from plugins.circuit.facts import Origin, Permit, Result, State, Why
from plugins.circuit.sharing import named
from tests.circuit.fleet import TARGET, Replica, World, fleet, quiet


def test_what_one_trips_the_others_leave_alone_for_the_time_that_is_left() -> None:
    world, (one, other) = fleet("one", "other")
    quiet(world, [one, other])
    one.trip()
    one.tick()
    world.now += 1

    other.tick()

    assert other.left == (Why.OPEN, 4.0)
    event = {"event": "circuit.opened", "target": "primary", "why": "fleet", "seconds": 4.0, "ejections": 1}
    assert other.told == [event]


def test_two_that_trip_at_once_count_as_one_opening() -> None:
    world, (one, other) = fleet("one", "other")
    one.trip()
    other.trip()

    quiet(world, [one, other])

    assert [each.circuit.snapshot(world.now)["ejections"] for each in (one, other)] == [1, 1]


def test_a_replica_that_starts_later_knows_what_the_others_know() -> None:
    world, (one, late) = fleet("one", "late")
    one.trip()
    quiet(world, [one])

    late.tick()

    assert late.left == (Why.OPEN, 4.8)


# ---- the lease -----------------------------------------------------------------------------------------------------


def lapse(world: World, *replicas: Replica) -> None:
    """The first trips, and the open time ends."""
    replicas[0].trip()
    quiet(world, list(replicas))
    world.now += 4.5
    quiet(world, list(replicas), 4)
    assert replicas[0].left is None


def test_only_the_replica_with_the_lease_probes_and_it_has_it_before_the_open_time_ends() -> None:
    world, (one, other) = fleet("one", "other")
    lapse(world, one, other)

    assert other.left == (Why.PROBING, 1.0)
    assert isinstance(one.ask(), Permit)
    assert one.left == (Why.PROBING, 10.0), "one in flight"
    assert {each.circuit.snapshot(world.now)["probe_with"] for each in (one, other)} == {"one"}


def test_the_last_resort_wants_the_lease_too() -> None:
    world, (one, other) = fleet("one", "other")
    one.trip()
    quiet(world, [one, other])

    permits = [each.ask(last_resort=True) for each in (other, one)]

    assert [isinstance(each, Permit) for each in permits] == [False, True]


def test_good_probes_of_two_replicas_close_the_circuit_of_all() -> None:
    world, (one, other, third) = fleet("one", "other", "third")
    lapse(world, one, other, third)
    assert one.call(Result.SUCCESS)
    one.tick()
    one.part()
    quiet(world, [other, third])

    assert other.call(Result.SUCCESS)

    assert other.state is State.CLOSED, "at once"
    quiet(world, [other, third])
    assert third.state is State.CLOSED
    assert third.events() == ["opened", "half_opened", "closed"]


def test_a_probe_that_fails_opens_all_again_for_twice_the_time() -> None:
    world, (one, other) = fleet("one", "other")
    lapse(world, one, other)
    assert one.call(Result.FAILURE)

    quiet(world, [one, other], 1)

    assert other.left == (Why.OPEN, 9.9)


def test_a_lease_whose_holder_is_gone_is_anothers_once_it_has_run_out() -> None:
    world, (one, other) = fleet("one", "other")
    lapse(world, one, other)
    assert isinstance(one.ask(), Permit)

    world.now += 9.5
    quiet(world, [other])
    assert other.left is not None
    world.now += 0.5
    quiet(world, [other])

    assert isinstance(other.ask(), Permit)


def test_a_probe_that_hangs_does_not_keep_the_lease_however_well_its_replica_is() -> None:
    world, (one, other) = fleet("one", "other")
    lapse(world, one, other)
    assert isinstance(one.ask(), Permit)

    quiet(world, [one, other], 101)

    assert one.circuit.holder == other.circuit.holder == "other"


def test_what_is_agreed_as_it_was_told_leaves_the_probe_that_runs_its_worth() -> None:
    world, (one,) = fleet("one")
    lapse(world, one)
    probe = one.ask()
    assert isinstance(probe, Permit)
    quiet(world, [one])

    one.report(probe, Result.SUCCESS)
    assert one.call(Result.SUCCESS)

    assert one.state is State.CLOSED


def test_a_replica_that_ends_well_gives_its_lease_back() -> None:
    world, (one, other) = fleet("one", "other")
    lapse(world, one, other)
    one.part()

    quiet(world, [other])

    assert isinstance(other.ask(), Permit)


def test_a_lease_that_is_of_no_use_goes_to_a_replica_with_requests() -> None:
    world, (idle, busy) = fleet("idle", "busy")
    lapse(world, idle, busy)

    assert not busy.call(Result.SUCCESS)
    quiet(world, [idle, busy], 3)

    assert busy.call(Result.SUCCESS)
    assert idle.left == (Why.PROBING, 1.0)


def test_what_is_given_back_is_not_used_any_more_while_the_store_hears_of_it() -> None:
    world, (idle, busy) = fleet("idle", "busy")
    lapse(world, idle, busy)
    assert not busy.call(Result.SUCCESS)
    quiet(world, [busy, idle], 1)
    tried = []

    idle.tick(meanwhile=lambda: tried.append(idle.call(Result.SUCCESS)))
    busy.tick()

    assert (tried, busy.call(Result.SUCCESS)) == ([False], True)


def test_requests_that_always_come_where_the_lease_is_not_meet_it_in_the_end() -> None:
    """One every second, to each in turn: whoever wants the lease has no request when it gets it."""
    world, both = fleet("one", "other")
    lapse(world, *both)
    met = []
    for number in range(40):
        met.append(both[number % 2].call(Result.SUCCESS))
        quiet(world, both, 10)

    assert sum(met[:12]) >= 2
    assert {each.state for each in both} == {State.CLOSED}


def test_a_probe_that_runs_stays_the_one_in_flight_whatever_the_others_agree_on() -> None:
    world, (one, other) = fleet("one", "other")
    lapse(world, one, other)
    probe = one.ask()
    assert isinstance(probe, Permit)
    world.store.records.clear()
    other.fleet.alone()
    assert other.call(Result.SUCCESS)
    quiet(world, [other, one])
    other.part()
    quiet(world, [one])

    assert not one.call(Result.SUCCESS)
    one.report(probe, Result.NOTHING)
    quiet(world, [one])
    assert one.call(Result.SUCCESS)


def test_a_probe_begins_only_while_the_lease_will_last_for_it() -> None:
    world, (one, other) = fleet("one", "other")
    lapse(world, one, other)
    world.now += 7.7  # without a tick

    assert one.left is None
    world.now += 0.3
    assert one.left == (Why.PROBING, 1.0), "a probe would outlast it"


# ---- what is late --------------------------------------------------------------------------------------------------


def test_an_opening_that_was_decided_before_the_others_closed_is_late() -> None:
    world, (one, slow) = fleet("one", "slow")
    lapse(world, one, slow)
    assert one.call(Result.FAILURE)  # a second opening that slow does not hear of
    one.tick()
    world.now += 11
    quiet(world, [one])
    for _ in range(2):
        assert one.call(Result.SUCCESS)
    one.tick()
    slow.fleet.alone()
    assert slow.call(Result.FAILURE)
    assert slow.state is State.OPEN

    quiet(world, [slow, one])

    assert [one.state, slow.state] == [State.CLOSED, State.CLOSED]


def test_what_was_agreed_while_the_answer_was_lost_is_not_taken_for_anothers() -> None:
    world, (one, other) = fleet("one", "other")
    one.trip()
    one.tick(reply_lost=True)
    world.now += 5.5
    assert isinstance(one.ask(), Permit)  # nobody to ask yet

    quiet(world, [one, other])

    assert (one.state, other.state) == (State.HALF_OPEN, State.HALF_OPEN)
    assert one.events() == ["opened", "half_opened"]


def test_calls_that_run_while_the_others_open_and_close_count_as_before() -> None:
    world, (one, other) = fleet("one", "other")
    quiet(world, [one, other])
    running = other.ask()
    assert isinstance(running, Permit)
    lapse(world, one)
    for _ in range(2):
        assert one.call(Result.SUCCESS)
    quiet(world, [one, other])

    other.report(running, Result.FAILURE)

    assert other.circuit.snapshot(world.now)["failures"] == 1
    assert other.events() == []


def test_a_flushed_store_is_told_again_what_is_known() -> None:
    world, (one, late) = fleet("one", "late")
    one.trip()
    quiet(world, [one])
    world.store.records.clear()

    quiet(world, [one, late], 1)

    assert late.left == (Why.OPEN, 4.7)


def test_a_store_that_fell_back_to_an_older_state_takes_nobody_back_with_it() -> None:
    world, (one, other) = fleet("one", "other")
    lapse(world, one, other)
    older = world.snapshot()
    for _ in range(2):
        assert one.call(Result.SUCCESS)
    quiet(world, [one, other])
    world.restore(older)

    quiet(world, [other, one])

    assert [one.state, other.state] == [State.CLOSED, State.CLOSED]


# ---- what is shared, and what is ours alone ------------------------------------------------------------------------


def test_a_429_gates_the_others_too_and_never_for_less_than_they_know() -> None:
    world, (one, other) = fleet("one", "other")
    other.call(Result.CAPACITY, seconds=3)
    one.call(Result.CAPACITY, seconds=7)

    quiet(world, [one, other, one])

    assert [each.left for each in (one, other)] == [(Why.CAPACITY, 6.8)] * 2
    assert [each.events() for each in (one, other)] == [["gated"], ["gated"]]


def test_a_429_that_asks_for_longer_is_told_as_well() -> None:
    world, (one, other) = fleet("one", "other")
    quiet(world, [one, other])
    permits = [one.ask(), one.ask()]
    for permit, seconds in zip(permits, (3, 30), strict=True):
        assert isinstance(permit, Permit)
        one.report(permit, Result.CAPACITY, seconds=seconds)
        quiet(world, [one, other])

    assert other.left == (Why.CAPACITY, 29.8)


def test_a_mistake_of_the_operators_is_one_everywhere() -> None:
    world, (one, other) = fleet("one", "other")
    one.call(Result.MISCONFIGURED)

    quiet(world, [one, other], 1)

    assert other.left == (Why.MISCONFIGURED, 59.9)


def test_a_certificate_that_one_replica_does_not_trust_is_its_own_affair() -> None:
    world, (one, other) = fleet("one", "other")
    one.call(Result.MISCONFIGURED, Origin.PATH)

    quiet(world, [one, other])

    assert (one.left, other.left) == ((Why.MISCONFIGURED, 59.8), None)


def test_a_replica_that_cannot_reach_a_provider_does_not_speak_for_the_others() -> None:
    world, (cut_off, other) = fleet("cut off", "other")
    cut_off.trip(Origin.PATH)
    quiet(world, [cut_off, other])

    assert (cut_off.left, other.left) == ((Why.OPEN, 4.8), None)
    world.now += 5
    assert isinstance(cut_off.ask(), Permit), "it is its own, and so is the probe"


@pytest.mark.parametrize("origin", [Origin.PATH, Origin.LATE])
def test_a_flushed_store_neither_closes_what_is_open_here_alone_nor_hears_of_it(origin: Origin) -> None:
    world, (alone, other) = fleet("alone", "other")
    alone.circuit.force(None, world.now)
    quiet(world, [alone])
    alone.trip(origin)
    world.store.records.clear()

    quiet(world, [alone, other])

    assert (alone.state, other.state) == (State.OPEN, State.CLOSED)


def test_two_that_cannot_reach_a_provider_speak_for_all() -> None:
    world, (one, two, third) = fleet("one", "two", "third")
    one.trip(Origin.PATH)
    quiet(world, [one, two, third])
    two.trip(Origin.PATH)

    quiet(world, [two, third, one], 1)

    assert third.left == (Why.OPEN, 4.9)
    assert one.left == (Why.OPEN, 4.9)


def test_a_probe_that_does_not_get_there_leaves_the_next_try_to_another() -> None:
    world, (cut_off, other) = fleet("cut off", "other")
    lapse(world, cut_off, other)
    assert cut_off.call(Result.FAILURE, Origin.PATH)
    cut_off.tick()

    quiet(world, [other])

    assert other.left == (Why.OPEN, 9.8)
    assert other.circuit.holder == "other"


@pytest.mark.parametrize("result", [Result.FAILURE, Result.CAPACITY, Result.MISCONFIGURED])
def test_what_was_measured_while_our_own_loop_was_late_stays_here(result: Result) -> None:
    world, (late, other) = fleet("late", "other")
    while late.call(result, Origin.LATE, seconds=30):
        pass

    quiet(world, [late, other])

    assert (late.left is None, other.left) == (False, None)


def test_one_late_failure_among_others_makes_the_opening_ours_alone() -> None:
    world, (late, other) = fleet("late", "other")
    for origin in (Origin.LATE, Origin.PROVIDER, Origin.PROVIDER):
        late.call(Result.FAILURE, origin)

    quiet(world, [late, other])

    assert (late.state, other.state) == (State.OPEN, State.CLOSED)


def test_an_opening_of_our_own_ends_without_the_others_and_the_next_is_shared_again() -> None:
    world, (late, other) = fleet("late", "other")
    late.trip(Origin.LATE)
    quiet(world, [late, other])
    world.now += 5
    assert late.call(Result.SUCCESS)
    quiet(world, [late, other])
    assert late.call(Result.SUCCESS)
    quiet(world, [late, other])
    assert (late.state, other.events()) == (State.CLOSED, [])

    world.now += 20
    late.trip()
    quiet(world, [late, other])

    assert other.state is State.OPEN


# ---- by hand -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.FORCED_OPEN, State.FORCED_CLOSED])
def test_what_is_turned_by_hand_is_turned_everywhere_and_for_good(state: State) -> None:
    world, (one, other) = fleet("one", "other")
    other.trip()
    quiet(world, [one, other])
    one.circuit.force(state, world.now)

    quiet(world, [one, other])
    world.now += 3600
    quiet(world, [one, other])
    late = Replica(world, "late")
    late.tick()

    assert {each.state for each in (one, other, late)} == {state}
    assert other.events()[-1] == str(state)


def test_releasing_by_hand_forgets_everywhere_what_was_known() -> None:
    world, (one, other) = fleet("one", "other")
    one.call(Result.CAPACITY, seconds=30)
    quiet(world, [one, other])
    assert other.left is not None

    one.circuit.force(None, world.now)
    quiet(world, [other, one, other])

    assert [one.left, other.left] == [None, None]


def test_a_hand_counts_whatever_was_agreed_meanwhile() -> None:
    world, (one, other) = fleet("one", "other")
    quiet(world, [one, other])
    one.trip()
    one.tick()
    other.circuit.force(State.FORCED_CLOSED, world.now)  # knowing nothing of it

    quiet(world, [other, one])

    assert (one.state, other.state) == (State.FORCED_CLOSED, State.FORCED_CLOSED)


def test_a_hand_that_acts_while_an_answer_is_on_its_way_is_told_next() -> None:
    world, (one, other) = fleet("one", "other")
    quiet(world, [one, other])
    one.trip()
    one.tick()
    other.tick(meanwhile=lambda: other.circuit.force(State.FORCED_CLOSED, world.now))
    assert other.state is State.FORCED_CLOSED

    quiet(world, [other, one])

    assert (one.state, other.state) == (State.FORCED_CLOSED, State.FORCED_CLOSED)


def test_of_two_hands_the_later_counts_though_it_was_told_first() -> None:
    world, (one, cut_off) = fleet("one", "cut off")
    cut_off.circuit.force(State.FORCED_OPEN, world.now)
    world.now += 1
    one.circuit.force(State.FORCED_CLOSED, world.now)
    one.tick()
    world.now += 1

    quiet(world, [cut_off, one])

    assert (one.state, cut_off.state) == (State.FORCED_CLOSED, State.FORCED_CLOSED)


# ---- without a store -----------------------------------------------------------------------------------------------


def test_out_of_reach_each_decides_by_itself_and_with_the_store_they_agree_again() -> None:
    world, (one, other) = fleet("one", "other")
    lapse(world, one, other)
    assert other.left is not None
    world.store.reachable = False
    quiet(world, [one, other], 3)

    assert [isinstance(each.ask(), Permit) for each in (one, other)] == [True, True]

    world.store.reachable = True
    world.now += 11
    quiet(world, [one, other], 3)
    assert sorted(each.left is None for each in (one, other)) == [False, True]


def test_no_key_or_address_can_be_read_from_a_targets_name() -> None:
    assert named(TARGET.called).isalnum()
    assert len({named(TARGET.called), named((*TARGET.called[:3], "other"))}) == 2
