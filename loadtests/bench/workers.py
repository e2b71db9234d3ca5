"""Two workers against one. All processes may use all CPUs here, or a second worker would have none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from loadtests.bench import usage
from loadtests.bench.cell import Bench, Measured
from loadtests.bench.matrix import Setting
from loadtests.bench.paths import TWO_WORKERS, Missing, Path_, path
from loadtests.bench.report import number, rule_table
from loadtests.bench.stats import TIMES, median, ratio

ROUNDS = 3
STREAMS = 64
SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Turn:
    """What one gateway did with replies of one token and then with whole answers; CPU in seconds."""

    path: str
    workers: int
    requests_per_second: float
    cpu_per_request: float
    cpu_per_token: float
    tokens_per_second: float
    busiest: float  # worker's share of all that the workers used


def measure(
    bench: Bench, lanes: Sequence[Path_], setting: Setting, logs: Path, say: Callable[[str], None]
) -> list[Turn]:
    """Each lane's one worker and another gateway with two, by turns."""
    turns: list[Turn] = []
    for lane in lanes:
        say(f"bench: the {lane.name} with two workers, which take 20 s to start")
        with ExitStack() as stack:
            found = stack.enter_context(path(TWO_WORKERS[lane.name], bench.provider.port, logs, ()))
            if isinstance(found, Missing):
                continue
            both = ((lane, 1), (found(), 2))
            for _ in range(ROUNDS):
                turns += [
                    turn for each, number_of in both if (turn := _turn(bench, each, lane.name, number_of, setting))
                ]
    return turns


def _turn(bench: Bench, each: Path_, name: str, workers: int, setting: Setting) -> Turn | None:
    assert each.pid is not None  # noqa: S101  lanes have processes
    before = {pid: usage.cpu_seconds_of(pid) for pid in usage.tree(each.pid)}
    brief = bench.ceiling(each, streams=STREAMS, seconds=SECONDS)
    whole = bench.measure(each, setting)
    used = [usage.cpu_seconds_of(pid) - was for pid, was in before.items()]
    if not (_fine(brief) and _fine(whole)):
        return None
    assert brief.result and whole.result and brief.cpu is not None and whole.cpu is not None  # noqa: S101, PT018
    return Turn(
        path=name,
        workers=workers,
        requests_per_second=brief.result.whole / brief.result.seconds,
        cpu_per_request=brief.cpu / brief.result.answers,
        cpu_per_token=whole.cpu / whole.result.tokens,
        tokens_per_second=whole.result.tokens / whole.result.seconds,
        busiest=max(used) / sum(used),
    )


def _micro(seconds: Iterable[float]) -> float | None:
    middle = median(seconds)
    return None if middle is None else middle * 1e6


def _fine(measured: Measured) -> bool:
    return measured.result is not None and measured.result.answers > 0 and not measured.result.troubles


def table(turns: Sequence[Turn]) -> str:
    head = (
        "path",
        "workers",
        "ceiling req/s",
        f"{TIMES} one",
        "CPU µs per request",
        "tokens/s in all",
        "CPU µs per token",
        "busiest worker's share",
    )
    lines = []
    for name in dict.fromkeys(turn.path for turn in turns):
        one = median(turn.requests_per_second for turn in turns if (turn.path, turn.workers) == (name, 1))
        for workers in (1, 2):
            mine = [turn for turn in turns if (turn.path, turn.workers) == (name, workers)]
            if not mine:
                continue
            rate = median(turn.requests_per_second for turn in mine)
            lines.append(
                [
                    name,
                    str(workers),
                    number(rate),
                    number(ratio(rate, one)),
                    number(_micro(turn.cpu_per_request for turn in mine)),
                    number(median(turn.tokens_per_second for turn in mine)),
                    number(_micro(turn.cpu_per_token for turn in mine)),
                    f"{median(turn.busiest for turn in mine):.0%}",
                ]
            )
    return rule_table(head, lines)
