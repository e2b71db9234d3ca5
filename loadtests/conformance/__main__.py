"""python -m loadtests.conformance: every case on every gateway, judged and written down."""

from __future__ import annotations

import argparse
import importlib.metadata
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import orjson

from loadtests.bench.processes import ROOT, BenchError
from loadtests.conformance import trial
from loadtests.conformance.cases import CASES, Case
from loadtests.conformance.checks import Seen
from loadtests.conformance.gateways import GATEWAYS, OURS, gateway
from loadtests.conformance.judge import Judgement, Verdict, judge
from loadtests.conformance.report import cell, markdown

Trials = dict[str, tuple[Seen, Judgement]]  # by case


def main(arguments: Sequence[str]) -> int:
    chosen = _parser().parse_args(arguments)
    names = [name for name in GATEWAYS if name.startswith(tuple(chosen.gateways.split(",")))]
    cases = [case for case in CASES if case.id.startswith(tuple(chosen.cases.split(",")))]
    if not names or not cases:
        _say(f"conformance: no gateway or no case is called so, use some of {', '.join(GATEWAYS)} and S01 to W09")
        return 2
    try:
        found = measure(cases, names)
    except BenchError as error:
        _say(f"conformance: {error}")
        return 2
    except KeyboardInterrupt:
        _say("\nconformance: stopped")
        return 130
    directory, text = write(chosen.out, cases, found)
    sys.stdout.write(f"{text}\nwritten to {directory}\n")
    failed = [
        name for name in names if name in OURS and any(each.verdict == Verdict.FAIL for _, each in found[name].values())
    ]
    return 1 if failed else 0


def measure(cases: Sequence[Case], names: Sequence[str]) -> dict[str, Trials]:
    """All gateways at once: what they do most of the time is wait."""
    _say(f"conformance: starting {len(names)} gateways")
    stop = Event()
    with tempfile.TemporaryDirectory(prefix="conformance-") as directory, ThreadPoolExecutor(len(names)) as pool:
        running = [pool.submit(_trials, name, cases, Path(directory), stop) for name in names]
        try:
            wait(running, return_when=FIRST_EXCEPTION)
        finally:
            stop.set()
        return {name: each.result() for name, each in zip(names, running, strict=True)}


def _trials(name: str, cases: Sequence[Case], directory: Path, stop: Event) -> Trials:
    found: Trials = {}
    with gateway(name, directory / name.replace(" ", "-")) as running:
        for case in cases:
            if stop.is_set():
                break
            seen = trial.run(case, running)
            found[case.id] = (seen, judge(case, seen))
            _say(f"conformance: {name}, {case.id} {case.title}: {cell(found[case.id][1])}")
    return found


def write(out: Path, cases: Sequence[Case], found: dict[str, Trials]) -> tuple[Path, str]:
    now = datetime.now(UTC)
    facts = {name: importlib.metadata.version(name) for name in ("litellm",)} | {"on": f"{now:%Y-%m-%d}"}
    scores = {name: {case: judged for case, (_, judged) in trials.items()} for name, trials in found.items()}
    text = markdown(cases, scores, facts)
    directory = out / now.strftime("%Y-%m-%dT%H-%M-%SZ")
    directory.mkdir(parents=True)
    (directory / "conformance.md").write_text(text, encoding="utf-8")
    rows = [
        {"gateway": name, "case": case, **asdict(judged), "seen": asdict(seen)}
        for name, trials in found.items()
        for case, (seen, judged) in trials.items()
    ]
    (directory / "conformance.json").write_bytes(orjson.dumps({"environment": facts, "rows": rows}))
    return directory, text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.conformance", description="What users get while a provider misbehaves. Loopback only."
    )
    parser.add_argument("--cases", default="S,W", metavar="ID,ID", help="by the beginning of their ids (all)")
    parser.add_argument("--gateways", default=",".join(GATEWAYS), metavar="NAME,NAME", help=", ".join(GATEWAYS))
    parser.add_argument(
        "--out", type=Path, default=ROOT / "results" / "conformance", metavar="DIR", help="(results/conformance)"
    )
    return parser


def _say(sentence: str, write: Callable[[str], object] = sys.stderr.write) -> None:
    write(f"{sentence}\n")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing started here outlives it
    raise SystemExit(main(sys.argv[1:]))
