"""A generator that is kept from its loop knows it, even before its meter has had its turn."""

from __future__ import annotations

from time import perf_counter

import gevent

from loadtests.measure.lag import EVERY_SECONDS, LagMeter

BUSY_SECONDS = 0.06


def be_busy() -> None:
    until = perf_counter() + BUSY_SECONDS
    while perf_counter() < until:
        pass


def test_what_was_late_is_known_at_once_and_kept() -> None:
    meter = LagMeter()
    meter.start()
    gevent.sleep(0)  # it begins to wait
    began = perf_counter()
    be_busy()

    at_once = meter.latest_since(began)
    gevent.sleep(0.001)  # its turn
    kept, lag = meter.latest_since(began), meter.read()
    later = perf_counter()
    meter.stop()

    assert at_once >= BUSY_SECONDS - EVERY_SECONDS
    assert kept >= at_once
    assert lag.most_ms >= at_once * 1e3
    assert [round(late, 6) for _, late in lag.spells] == [round(kept, 6)]
    assert meter.latest_since(later) == 0
    assert lag.cpu_seconds > 0


def test_the_steady_part_of_each_stage_has_its_own() -> None:
    """Of a sweep only the levels that count may speak."""
    names = iter([None, "low", "high"])
    now = [next(names)]
    meter = LagMeter(lambda: now[0])
    meter.start()
    for _ in range(2):
        gevent.sleep(EVERY_SECONDS * 3)
        now[0] = next(names)
    gevent.sleep(0)
    be_busy()
    gevent.sleep(EVERY_SECONDS * 3)
    lag = meter.read()
    meter.stop()

    assert lag.stages.keys() == {"low", "high"}
    assert lag.stages["high"].most_ms >= (BUSY_SECONDS - EVERY_SECONDS) * 1e3
    assert lag.stages["high"].cpu_seconds >= BUSY_SECONDS / 2
    assert sum(each.looks for each in lag.stages.values()) < lag.looks
