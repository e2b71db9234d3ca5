"""Policies while the gateway runs: a good change is taken, a bad one never."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from plugins.config.reload import BadPoliciesError, PolicyStore
from plugins.policy.lifecycle import Action
from tests.config.worlds import TODAY, World


class Reloading:
    """A store over a world whose files are changed in front of it, each change with a later time than the last."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.told: list[dict[str, Any]] = []
        self.environment = {"CEREBRAS_API_KEY": "k", "OTHER": "http://localhost"}
        self.store = PolicyStore(world.directory, world.config, self.environment, lambda: TODAY, self.told.append)
        self._changes = 0

    def change(self, stem: str, old: str, new: str) -> None:
        self.world.change(stem, old, new)
        self.touch(stem)
        self.store.refresh()

    def touch(self, stem: str) -> None:
        self._changes += 1
        when = 2_000_000_000 + self._changes
        os.utime(self.world.path(stem), (when, when))


@pytest.fixture
def reloading(tmp_path: Path) -> Reloading:
    return Reloading(World(tmp_path / "world"))


def test_a_good_change_is_taken_and_told(reloading: Reloading) -> None:
    before = reloading.store.current

    reloading.change("lifecycle", "retired: refuse", "retired: warn")

    assert reloading.store.current.lifecycle.retired is Action.WARN
    assert before.lifecycle.retired is Action.REFUSE
    assert [
        {"event": "policies.loaded", "version": reloading.store.current.version, "before": before.version}
    ] == reloading.told


def test_a_bad_change_keeps_what_was_and_tells_every_problem(reloading: Reloading) -> None:
    before = reloading.store.current

    reloading.change("lifecycle", "retired: refuse", "retired: refuze")

    what, cure = "must be 'refuse', 'replace', 'warn' or 'allow' (was 'refuze')", "did you mean 'refuse'?"
    problem = f"lifecycle.yaml:1 retired: {what}; {cure}"
    assert reloading.store.current is before
    assert [event["event"] for event in reloading.told] == ["policies.rejected"]
    assert reloading.told[0]["kept"] == before.version
    assert [problem] == reloading.world.told(reloading.told[0]["problems"])
    assert [problem] == reloading.world.told(reloading.store.status()["rejected"])


def test_a_mended_change_is_taken(reloading: Reloading) -> None:
    reloading.change("lifecycle", "retired: refuse", "retired: refuze")

    reloading.change("lifecycle", "retired: refuze", "retired: warn")

    assert reloading.store.current.lifecycle.retired is Action.WARN
    assert [event["event"] for event in reloading.told] == ["policies.rejected", "policies.loaded"]
    assert reloading.store.status()["rejected"] == []


def test_a_change_taken_back_is_told_as_well(reloading: Reloading) -> None:
    version = reloading.store.current.version
    reloading.change("lifecycle", "retired: refuse", "retired: refuze")

    reloading.change("lifecycle", "retired: refuze", "retired: refuse")

    assert {"event": "policies.loaded", "version": version, "before": version} == reloading.told[-1]
    assert reloading.store.status()["rejected"] == []


@pytest.mark.parametrize("written", ["2026-02-30", "&x [*x]", "!!int x"])
def test_no_file_however_odd_stops_the_reloading(written: str, reloading: Reloading) -> None:
    reloading.change("lifecycle", "2027-01-31", written)

    reloading.change("lifecycle", written, "2027-03-31")

    assert str(reloading.store.current.lifecycle.exceptions[0].until) == "2027-03-31"


def test_a_change_that_only_the_whole_shows_to_be_wrong_is_not_taken(reloading: Reloading) -> None:
    before = reloading.store.current

    reloading.change("routing", "[swift, steady]", "[swfit, steady]")

    assert reloading.store.current is before


def test_a_file_that_vanishes_changes_nothing(reloading: Reloading) -> None:
    before = reloading.store.current
    reloading.world.path("access").unlink()

    reloading.store.refresh()

    assert reloading.store.current is before
    assert reloading.told[0]["event"] == "policies.rejected"


def test_nothing_is_read_while_nothing_changes(reloading: Reloading, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PolicyStore, "_read", lambda _: pytest.fail("it was read"))

    reloading.store.refresh()

    assert reloading.told == []


def test_a_touch_without_a_change_is_not_told(reloading: Reloading) -> None:
    before = reloading.store.current
    reloading.touch("routing")

    reloading.store.refresh()

    assert reloading.store.current is before
    assert reloading.told == []


def test_a_changed_litellm_config_asks_for_a_restart(reloading: Reloading) -> None:
    assert reloading.store.status()["restart_needed"] is False

    reloading.touch("litellm")

    assert reloading.store.status()["restart_needed"] is True


def test_a_store_does_not_begin_with_bad_policies(tmp_path: Path) -> None:
    with pytest.raises(BadPoliciesError) as refusal:
        Reloading(World(tmp_path, flaw="misspelt-choice"))

    assert len(refusal.value.problems) == 1
    assert "the policies are not valid, so the gateway does not start:\n  " in str(refusal.value)


def test_a_store_begins_although_an_exception_has_ended(tmp_path: Path) -> None:
    assert Reloading(World(tmp_path, flaw="exception-that-is-over")).store.current
