"""Sinks: every one gets every event, and one that breaks is nobody else's trouble."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import orjson
import pytest

from plugins.telemetry.sinks import Events, JsonLines


class Broken:
    def __call__(self, event: dict[str, Any]) -> None:
        raise OSError(f"the disk is full, event {event['n']}")


def test_an_event_is_one_line_of_json() -> None:
    out = io.StringIO()
    sink = JsonLines(out)

    sink({"event": "a", "text": "line one\nline two \u2028 é"})
    sink({"event": "b", "day": date(2026, 11, 20), "kind": Broken})

    lines = out.getvalue().splitlines() if "\u2028" not in out.getvalue() else out.getvalue().rstrip("\n").split("\n")
    assert [orjson.loads(line)["event"] for line in lines] == ["a", "b"]


def test_every_sink_gets_every_event_even_behind_one_that_breaks() -> None:
    seen: list[Any] = []
    events = Events(Broken(), seen.append, Broken(), seen.append)

    events({"n": 1})

    assert seen == [{"n": 1}] * 2
    assert events.failures == 2


def test_a_broken_sink_is_counted_each_time_and_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    events = Events(Broken())

    for number in range(5):
        events({"n": number})

    assert events.failures == 5
    assert (
        capsys.readouterr().err
    ) == "telemetry: Broken failed, OSError('the disk is full, event 0'); further failures are counted\n"


def test_what_is_no_failure_of_a_sink_is_not_swallowed() -> None:
    def interrupted(event: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Events(interrupted)({"n": 1})
