"""python -m loadtests.chaos: the schedule on each kind of gateway, judged and written down."""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import orjson

from loadtests.bench.processes import ROOT, BenchError
from loadtests.bench.progress import Progress
from loadtests.chaos.fleet import fleet
from loadtests.chaos.judge import Scores, complaints, judge
from loadtests.chaos.report import markdown
from loadtests.chaos.schedule import QUICK_SCALE, RATE, STOCK_RATE, Kind, Phase, chosen, seconds
from loadtests.chaos.storm import Storm, storm
from loadtests.conformance.gateways import GATEWAYS, OURS
from loadtests.record import folder


def main(arguments: Sequence[str]) -> int:
    flags = _parser().parse_args(arguments)
    names = [name for name in GATEWAYS if name.lower().startswith(tuple(flags.lane.lower().split(",")))]
    kinds = [kind for kind in flags.phases.split(",") if kind]
    unknown = sorted(set(kinds) - {str(kind) for kind in Kind})
    if not names or unknown:
        _say(f"chaos: no lane or phase is called so, use some of express,litellm,stock and {','.join(Kind)}")
        return 2
    phases = chosen(kinds, QUICK_SCALE if flags.quick else flags.scale)
    directory: Path = flags.out / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    progress = Progress(sys.stderr, seconds(phases) * len(names), "chaos")
    try:
        found = [_weather(name, phases, flags, directory, progress) for name in names]
    except BenchError as error:
        _say(f"chaos: {error}")
        return 2
    except KeyboardInterrupt:
        _say("\nchaos: stopped")
        return 130
    progress.clear()
    sys.stdout.write(f"{_write(directory, found, flags)}\nwritten to {directory}\n")
    return 1 if any(complaints(scores) for scores in found if scores.name in OURS) else 0


def _weather(
    name: str, phases: Sequence[Phase], flags: argparse.Namespace, directory: Path, progress: Progress
) -> Scores:
    progress.show(f"{name}: starting {flags.replicas} gateways", monotonic())
    with tempfile.TemporaryDirectory(prefix="chaos-") as logs, fleet(name, flags.replicas, Path(logs) / "f") as running:
        rate = flags.rate if running.is_ours else flags.stock_rate
        info = {"kind": "chaos", "rate": rate, "replicas": flags.replicas, "started": _now(), **_facts()}
        seen: Storm = asyncio.run(storm(running, phases, rate, info, progress))
    folder.write(directory / name.replace(" ", "-"), seen.run)
    return judge(name, rate, phases, seen.run.samples, seen.run.marks, seen.calls, seen.events)


def _write(directory: Path, found: Sequence[Scores], flags: argparse.Namespace) -> str:
    facts = {**_facts(), "on": _now()[:10], "gateways": str(flags.replicas)}
    text = markdown(found, facts)
    (directory / "chaos.md").write_text(text, encoding="utf-8")
    rows = [{**asdict(scores), "complaints": complaints(scores)} for scores in found]
    document = orjson.dumps({"environment": facts, "rows": rows}, option=orjson.OPT_INDENT_2)
    (directory / "chaos.json").write_bytes(document)
    return text


def _facts() -> dict[str, str]:
    return {"litellm": importlib.metadata.version("litellm")}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.chaos",
        description="What users get while providers, gateways and Redis break under load. Loopback only.",
    )
    parser.add_argument("--quick", action="store_true", help="a fifth of the schedule")
    parser.add_argument("--scale", type=float, default=1.0, metavar="N", help="how much of each phase's time (1)")
    parser.add_argument("--lane", default="express,litellm,stock", metavar="NAME,NAME", help="(express,litellm,stock)")
    parser.add_argument("--phases", default="", metavar="NAME,NAME", help=f"some of {','.join(Kind)} (all)")
    parser.add_argument("--replicas", type=int, default=3, metavar="N", help="gateways side by side (3)")
    parser.add_argument("--rate", type=float, default=RATE, metavar="N", help=f"requests per second ({RATE:g})")
    parser.add_argument(
        "--stock-rate",
        type=float,
        default=STOCK_RATE,
        metavar="N",
        help=f"for stock LiteLLM, which would otherwise fail for having too much to do ({STOCK_RATE:g})",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "chaos", metavar="DIR", help="(results/chaos)")
    return parser


def _say(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing started here outlives it
    raise SystemExit(main(sys.argv[1:]))
