"""The flags, and what `--quick` stands for."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from loadtests.bench.matrix import DIRECT, PATHS, SEGMENTS, Ranges
from loadtests.bench.processes import ROOT

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Flags:
    ranges: Ranges
    cross: bool
    rounds: int
    paths: tuple[str, ...]
    seconds: float
    stock_seconds: float
    ceiling_seconds: float
    ceiling_rounds: int
    soak: bool
    workers: bool
    minutes: float
    pin: bool
    seed: int
    out: Path


def read(arguments: Sequence[str]) -> Flags:
    found = _parser().parse_args(arguments)
    quick = found.quick
    return Flags(
        ranges=Ranges(
            found.streams or ((32,) if quick else (1, 8, 32, 64)),
            found.tokens or ((512,) if quick else (64, 512)),
            found.pace or ((2300,) if quick else (2300, 450)),
            found.segments,
        ),
        cross=found.cross,
        rounds=found.rounds or (3 if quick else 5),
        paths=tuple(path for path in PATHS if path == DIRECT or path in found.paths),
        seconds=found.seconds or (0.4 if quick else 1.0),
        stock_seconds=8 if quick else 12,
        ceiling_seconds=0.4 if quick else 1.5,
        ceiling_rounds=3,
        soak=found.soak or not quick,
        workers=found.workers or not quick,
        minutes=found.minutes,
        pin=found.pin,
        seed=found.seed,
        out=found.out,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench", description="Every way to a provider side by side. Loopback only."
    )
    parser.add_argument("--quick", action="store_true", help="32 streams, 512 tokens, 2,300 tokens/s, 3 rounds: 90 s")
    parser.add_argument("--streams", type=_list(int), metavar="N,N", help="streams at once (1,8,32,64)")
    parser.add_argument("--tokens", type=_list(int), metavar="N,N", help="tokens of an answer (64,512)")
    parser.add_argument("--pace", type=_list(int), metavar="N,N", help="the provider's tokens/s (2300,450)")
    parser.add_argument(
        "--segments", type=_list(_one_of(SEGMENTS)), default=SEGMENTS, metavar="NAME", help=", ".join(SEGMENTS)
    )
    parser.add_argument(
        "--paths", type=_list(_one_of(PATHS)), default=PATHS, metavar="NAME,NAME", help=", ".join(PATHS)
    )
    parser.add_argument("--cross", action="store_true", help="all combinations, not just one change at a time")
    parser.add_argument("--rounds", type=int, metavar="N", help="rounds, the figure is their median (5)")
    parser.add_argument("--seconds", type=float, metavar="N", help="for which a cell asks anew (1)")
    parser.add_argument("--minutes", type=float, default=14, metavar="N", help="no new round that would end later (14)")
    parser.add_argument("--soak", action="store_true", help="also 20,000 streams for the memory (not with --quick)")
    parser.add_argument("--workers", action="store_true", help="also the lanes with two workers (not with --quick)")
    parser.add_argument(
        "--pin", action=argparse.BooleanOptionalAction, default=True, help="gateways on a CPU of their own (yes)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the order and of the texts (1)")
    parser.add_argument("--out", type=Path, default=ROOT / "results" / "bench", metavar="DIR", help="(results/bench)")
    return parser


def _list(kind: Callable[[str], Value]) -> Callable[[str], tuple[Value, ...]]:
    def values(text: str) -> tuple[Value, ...]:
        return tuple(kind(part.strip()) for part in text.split(","))

    return values


def _one_of(names: Sequence[str]) -> Callable[[str], str]:
    """By its name, or by the beginning of it."""

    def named(text: str) -> str:
        found = [name for name in names if name.lower() == text.lower()]
        found = found or [name for name in names if name.lower().startswith(text.lower())]
        if len(found) != 1:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(names)}")
        return found[0]

    return named
