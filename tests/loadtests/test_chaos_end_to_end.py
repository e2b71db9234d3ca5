"""The whole of chaos, as small as it gets: one gateway, a few seconds, and a provider that goes down and comes back."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from loadtests.chaos.__main__ import main
from loadtests.record import folder

TINY = "--lane express --replicas 1 --rate 40 --scale 0.05 --phases calm,down,short,redis".split()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("chaos")

    assert main([*TINY, "--out", str(out)]) == 0, "a request was lost, or an answer lied"
    return next(out.iterdir())


def test_nobody_is_lost_or_lied_to_while_the_primary_is_down(run: Path) -> None:
    (row,) = orjson.loads((run / "chaos.json").read_bytes())["rows"]
    down = row["stages"]["primary down"]

    assert (row["name"], row["complaints"]) == ("express lane", [])
    assert (down["lost"], down["lies"], row["total"]["lost"], row["total"]["lies"]) == (0, 0, 0, 0)
    assert row["total"]["whole"] + row["total"]["broken"] == row["total"]["requests"] > 100
    assert row["outage"]["trip_seconds"] is not None
    assert row["outage"]["calls"] <= 10


def test_an_answer_that_ends_early_is_heard_as_broken(run: Path) -> None:
    (row,) = orjson.loads((run / "chaos.json").read_bytes())["rows"]

    assert row["total"]["broken"] > 0


def test_samples_and_marks_are_kept_as_those_of_any_load_run(run: Path) -> None:
    kept = folder.read(run / "express-lane")

    assert [mark.what for mark in kept.marks][:2] == ["calm", "primary down"]
    assert {"circuit.opened"} <= {mark.what for mark in kept.marks}
    assert len(kept.samples) > 100
    assert "| primary down |" in (run / "chaos.md").read_text(encoding="utf-8")


def test_a_lane_or_phase_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert main(["--lane", "squid", "--out", str(tmp_path)]) == 2
    assert main(["--phases", "calm,earthquake", "--out", str(tmp_path)]) == 2
