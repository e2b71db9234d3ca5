"""What a load run writes down is what is read from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.record import folder
from loadtests.record.sample import Mark, MarkKind, Outcome, Phase, Sample

WHOLE = Sample(
    id="wl-1",
    stage="steady",
    phase=Phase.STEADY,
    way="target",
    workload="chat",
    outcome=Outcome.WHOLE,
    intended=1.0,
    sent=1.25,
    end=3.0,
    first=1.5,
    last=2.5,
    events=50,
    first_events=10,
    completion_tokens=100,
)


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = folder.Run(
        {"scenario": {"name": "smoke"}}, [WHOLE], [Mark(kind=MarkKind.FAULT, what="503", at=1.0, until=2.0)]
    )

    folder.write(tmp_path / "run", run)

    assert folder.read(tmp_path / "run") == run


def test_time_to_first_token_counts_from_when_the_request_was_due() -> None:
    assert WHOLE.ttft == pytest.approx(0.5)
    assert WHOLE.total == pytest.approx(2.0)
    assert WHOLE.lag == pytest.approx(0.25)


def test_tokens_that_came_with_the_first_took_no_time() -> None:
    assert WHOLE.tokens_per_s == pytest.approx(80)
