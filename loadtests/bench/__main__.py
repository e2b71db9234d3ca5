"""python -m loadtests.bench: measure, write it down, and say what was kept of what was promised."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import orjson

from loadtests.bench import flags, machine, report, usage, workers
from loadtests.bench.cell import Bench, Measured
from loadtests.bench.flags import Flags
from loadtests.bench.load import load_client
from loadtests.bench.matrix import AGAIN, STOCK, Cell, Setting, headline, one_round, settings
from loadtests.bench.musts import EXPRESS, Memory, Promise, promises
from loadtests.bench.paths import TWO_WORKERS, Missing, Path_, path, provider
from loadtests.bench.plot import svg
from loadtests.bench.processes import BenchError, pin
from loadtests.bench.progress import Progress
from loadtests.bench.summary import Ceiling, Row, Sample, rows

SOAK_STREAMS = (2_000, 20_000)
SOAK_AT_ONCE = 64
SOAK_SECONDS = 60
CEILING_STREAMS = 64
BUSY = 0.85
OVERHEAD_SECONDS = 0.7  # of a cell: connecting, warming, and reading what came


class Run:
    """One run, from the first process to the last file."""

    def __init__(self, chosen: Flags) -> None:
        self._flags = chosen
        self._began = monotonic()
        self._facts = machine.facts(chosen.seed)
        self._samples: list[Sample] = []
        self._ceilings: list[Ceiling] = []
        self._raw: list[dict[str, object]] = []
        self._peaks: dict[str, float] = {}
        self._memory: Memory | None = None
        self._turns: list[workers.Turn] = []
        self._notes: list[str] = []
        self._missing: dict[str, str] = {}
        self._own_cpus = 1  # of the provider and the client together
        self._busiest = (0.0, "")

    def measure(self) -> None:
        chosen = self._flags
        ours, gateways = _cpus() if chosen.pin else ((), ())
        self._own_cpus = len(ours) or len(os.sched_getaffinity(0))
        with tempfile.TemporaryDirectory(prefix="bench-") as directory, ExitStack() as stack:
            logs = Path(directory)
            upstream = stack.enter_context(provider(logs, ours, chosen.seed))
            load = stack.enter_context(load_client(logs, ours))
            served = self._start(upstream.port, logs, gateways, stack)
            bench = Bench(upstream, load, chosen.seconds, chosen.stock_seconds)
            for each in served:
                if each.pid is not None:
                    usage.forget_peak(each.pid)
            self._rounds(bench, served)
            self._find_ceilings(bench, served)
            # Before the soak, which only one of them goes through.
            self._peaks = {each.name: usage.peak_megabytes(each.pid) for each in served if each.pid is not None}
            if chosen.soak:
                self._soak(bench, served)
            if chosen.workers:
                self._two_workers(bench, served, logs)
        self._facts["load average at the end"] = machine.load_average()

    def _start(self, upstream: int, logs: Path, cpus: Sequence[int], stack: ExitStack) -> list[Path_]:
        """All at once: three of them take ten seconds each."""
        waiting: list[Callable[[], Path_]] = []
        for name in self._flags.paths:
            found = stack.enter_context(path(name, upstream, logs, cpus))
            if isinstance(found, Missing):
                self._missing[name] = found.reason
            else:
                waiting.append(found)
        _say(f"bench: starting {len(waiting) - 2} gateways")
        return [ready() for ready in waiting]

    def _rounds(self, bench: Bench, served: Sequence[Path_]) -> None:
        chosen = self._flags
        by_name = {each.name: each for each in served}
        here = settings(chosen.ranges, cross=chosen.cross)
        shape = headline(chosen.ranges)
        plan = [one_round(here, shape, list(by_name), number, chosen.seed) for number in range(chosen.rounds)]
        progress = Progress(sys.stderr, sum(self._planned(cell) for cells in plan for cell in cells))
        for number, cells in enumerate(plan):
            started = monotonic()
            for cell in cells:
                progress.show(f"round {number + 1} of {len(plan)}, {cell.path}, {cell.setting}", monotonic())
                before = monotonic()
                self._take(cell, bench.measure(by_name[cell.path], cell.setting))
                progress.done(self._planned(cell), monotonic() - before)
            left = self._flags.minutes * 60 - (monotonic() - self._began)
            slower = (monotonic() - started) / sum(map(self._planned, cells))  # than it was planned
            if number + 1 < len(plan) and left < sum(map(self._planned, plan[number + 1])) * slower:
                self._notes.append(f"Only {number + 1} of {len(plan)} rounds: the time was up (`--minutes`).")
                break
        progress.clear()

    def _planned(self, cell: Cell) -> float:
        if cell.path == STOCK:
            return self._flags.stock_seconds + OVERHEAD_SECONDS
        return self._flags.seconds + 2 * cell.setting.answer_seconds + OVERHEAD_SECONDS

    def _take(self, cell: Cell, measured: Measured) -> None:
        self._raw.append({"kind": "stream", **asdict(cell), **asdict(measured)})
        result = measured.result
        if result is None:
            self._notes.append(f"{cell.path}, {cell.setting}: nothing measured ({measured.error}).")
            return
        self._note_troubles(cell.path, str(cell.setting), result.troubles)
        busy = ((measured.provider_cpu or 0) + (measured.client_cpu or 0)) / result.seconds / self._own_cpus
        self._busiest = max(self._busiest, (busy, f"{cell.path}, {cell.setting}"))
        self._samples.append(
            Sample(
                cell.path,
                cell.setting,
                cell.round,
                rates=result.rates,
                first_tokens=result.first_tokens,
                last_texts=result.last_texts,
                first_shares=result.first_shares,
                each_tokens=result.each_tokens,
                gap_p99=result.gap_p99,
                cpu=measured.cpu,
                tokens=result.tokens,
                answers=result.answers,
                whole=result.whole,
                unfinished=result.unfinished,
            )
        )

    def _find_ceilings(self, bench: Bench, served: Sequence[Path_]) -> None:
        for number in range(self._flags.ceiling_rounds):
            for each in served:
                if each.name == AGAIN or (each.name == STOCK and number):
                    continue
                measured = bench.ceiling(each, streams=CEILING_STREAMS, seconds=self._flags.ceiling_seconds)
                self._raw.append({"kind": "ceiling", "path": each.name, "round": number, **asdict(measured)})
                result = measured.result
                if result is None or not result.answers:
                    self._notes.append(f"{each.name}, replies of one token: nothing measured ({measured.error}).")
                    continue
                self._note_troubles(each.name, "replies of one token", result.troubles)
                cpu = None if measured.cpu is None else measured.cpu / result.answers
                broken = result.answers - result.whole - result.unfinished
                self._ceilings.append(Ceiling(each.name, number, result.whole / result.seconds, cpu, broken))

    def _soak(self, bench: Bench, served: Sequence[Path_]) -> None:
        express = next((each for each in served if each.name == EXPRESS), None)
        if express is None or express.pid is None:
            return
        _say(f"bench: {SOAK_STREAMS[1]:,} streams through the express lane, to see whether its memory stays flat")
        early, late = SOAK_STREAMS
        figures = []
        for answers in (early, late - early):
            measured = bench.soak(express, answers, streams=SOAK_AT_ONCE, seconds=SOAK_SECONDS)
            done = measured.result.answers if measured.result else 0
            if done < answers:
                self._notes.append(f"the memory was not measured: {done:,} of {answers:,} streams in {SOAK_SECONDS} s.")
                return
            figures.append(usage.megabytes(express.pid))
        self._memory = Memory(early, figures[0], late, figures[1])
        self._raw.append({"kind": "memory", **asdict(self._memory)})

    def _two_workers(self, bench: Bench, served: Sequence[Path_], logs: Path) -> None:
        everywhere = sorted(os.sched_getaffinity(0))
        lanes = [each for each in served if each.name in TWO_WORKERS and each.pid is not None]
        for pid in (bench.provider.pid, bench.load.pid, *(each.pid for each in lanes)):
            if pid is not None:
                pin(pid, everywhere)
        setting = Setting(self._flags.ranges.segments[-1], *headline(self._flags.ranges))
        self._turns = workers.measure(bench, lanes, setting, logs, _say)
        self._raw += [{"kind": "workers", **asdict(turn)} for turn in self._turns]

    def _note_troubles(self, name: str, where: str, troubles: dict[str, int]) -> None:
        self._notes += [f"{name}, {where}: {count} times {trouble}." for trouble, count in troubles.items()]

    def write(self) -> tuple[Path, str, list[Promise], list[Row]]:
        shape = headline(self._flags.ranges)
        found = rows(self._samples, self._ceilings, self._peaks, self._flags.paths)
        promised = promises(found, shape, self._memory)
        busy, where = self._busiest
        limit = "so they, not the paths, may be the limit there" if busy > BUSY else "so they were not the limit"
        self._notes.append(f"Provider and client kept their CPU at most {busy:.0%} busy ({where}), {limit}.")
        if STOCK in self._peaks:
            self._notes.append(report.stock_note(self._flags.stock_seconds))
        two = workers.table(self._turns) if self._turns else ""
        text = report.markdown(found, self._missing, promised, shape, self._facts, self._notes, two)
        directory = self._flags.out / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        directory.mkdir(parents=True)
        (directory / "bench.md").write_text(text, encoding="utf-8")
        streams, tokens, pace = shape
        title = f"{streams} streams of {tokens} tokens at {pace:,} tokens/s through one worker"
        (directory / "bench.svg").write_text(svg(found, shape, title), encoding="utf-8")
        document = {
            "environment": self._facts,
            "flags": {**asdict(self._flags), "out": str(self._flags.out.name)},
            "rows": [asdict(row) for row in found],
            "promises": [{**asdict(promise), "held": promise.held} for promise in promised],
            "missing": self._missing,
            "cells": self._raw,
        }
        (directory / "bench.json").write_bytes(orjson.dumps(document))
        return directory, text, promised, found


def _cpus() -> tuple[Sequence[int], Sequence[int]]:
    """For what measures, and for what is measured: one CPU, which is all that one worker can use."""
    available = sorted(os.sched_getaffinity(0))
    return ((), ()) if len(available) < 2 else (available[:-1], available[-1:])


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str]) -> int:
    run = Run(flags.read(arguments))
    try:
        run.measure()
    except BenchError as error:
        _say(f"bench: {error}")
        return 2
    except KeyboardInterrupt:
        _say("\nbench: stopped; what was measured so far:")
    directory, text, promised, _ = run.write()
    sys.stdout.write(f"{text}\n")
    sys.stdout.writelines(f"{promise.sentence()}\n" for promise in promised)
    sys.stdout.write(f"\nwritten to {directory}\n")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing started here outlives it
    raise SystemExit(main(sys.argv[1:]))
