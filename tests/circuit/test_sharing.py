"""What one replica finds out the others know after a tick of each, and what is late changes nothing."""

from __future__ import annotations

import pytest

from plugins.circuit.facts import Origin, Permit, Rejected, Result, State, Why
from plugins.circuit.sharing import named
from tests.circuit.fleet import TARGET, Replica, World, fleet, quiet


def test_what_one_trips_the_others_leave_alone_for_the_time_that_is_left() -> None:
    world, (one, other) = fleet("one", "other")
    quiet(world, [one, other])
    one.trip()
    one.tick()
    world.now += 1

    other.tick()

    rejected = other.ask()
    assert isinstance(rejected, Rejected)
    assert (rejected.why, round(rejected.seconds or 0, 3)) == (Why.OPEN, 4.0)
    assert other.told[-1] == {"event": "circuit.opened", "target": "primary", "why": "fleet", "seconds": 4.0, "ejections": 1}


def test_two_that_trip_at_once_count_as_one_opening() -> None:
    world, (one, other) = fleet("one", "other")
    one.trip()
    other.trip()

    quiet(world, [one, other])

    assert [each.circuit.snapshot(world.now)["ejections"] for each in (one, other)] == [1, 1]


def half_open(world: World, *replicas: Replica) -> None:
    replicas[0].trip()
    quiet(world, list(replicas))
    world.now += 4.5
    quiet(world, list(replicas), 3)


def test_only_the_replica_with_the_lease_probes() -> None:
    world, (one, other) = fleet("one", "other")
    half_open(world, one, other)

    turned_away, probe = other.ask(), one.ask()

    assert isinstance(turned_away, Rejected)
    assert (turned_away.why, turned_away.seconds) == (Why.PROBING, 1.0)
    assert isinstance(probe, Permit)
    assert isinstance(one.ask(), Rejected), "one in flight"
    assert {each.circuit.snapshot(world.now)["probe_with"] for each in (one, other)} == {"one"}


def test_a_good_probe_here_and_one_there_close_the_circuit_everywhere() -> None:
    world, (one, other) = fleet("one", "other")
    half_open(world, one, other)
    assert one.call(Result.SUCCESS)
    one.fleet.tell(world.now)  # that it hears no more
    world.store.exchanged("one", one.fleet.parting(world.now), TERMS := world_terms())
    quiet(world, [other])

    assert other.call(Result.SUCCESS)

    assert other.state is State.CLOSED
    quiet(world, [other, one])
    assert one.state is State.CLOSED
    assert TERMS
    assert other.events()[-2:] == ["half_opened", "closed"]


def world_terms() -> object:
    from tests.circuit.fleet import TERMS

    return TERMS
