"""Load a target, and say yes or no."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from loadtests.bench.processes import ROOT, BenchError
from loadtests.commands.aim import add_aim, aim_of
from loadtests.conclude import conclude
from loadtests.engine.accuracy import measure
from loadtests.engine.generator import GeneratorError
from loadtests.engine.preflight import trouble
from loadtests.engine.run import Aim
from loadtests.engine.run import run as run_engine
from loadtests.engine.view import view
from loadtests.exits import Exit
from loadtests.figures.facts import load_said
from loadtests.measure.request import address_of, post
from loadtests.plan.asking import Chooser
from loadtests.plan.consent import beyond, missing
from loadtests.plan.cost import Estimate, estimate
from loadtests.plan.overrides import OverrideError, Overrides
from loadtests.plan.reading import Plan, names, prices, read
from loadtests.record import folder as record
from loadtests.verdict import levels

HELP = "load a target as a scenario says, and say whether promises hold"
EXAMPLES = """\
  run smoke                                        simulated providers and the gateway, started for it
  run steady --target https://gateway.example/v1 --i-mean-it gateway.example
  run steady --lane litellm                        the same, through LiteLLM
  run sweep --users 256                            the same steps, up to 256 users
  run mix --prompts my.jsonl --dry-run             what would be sent, and what it would cost"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("scenario", help=f"{', '.join(names())}, or a YAML file")
    add_aim(parser)
    parser.add_argument("--seconds", type=float, metavar="N", help="of the whole run; its parts keep their shares")
    parser.add_argument("--users", type=int, metavar="N", help="of the largest stage of a closed loop")
    parser.add_argument(
        "--rate", type=float, metavar="N", help="requests per second of the busiest stage of an open loop"
    )
    parser.add_argument(
        "--model", action="append", default=[], metavar="NAME", help="asked for instead; may be repeated"
    )
    parser.add_argument("--max-tokens", type=int, metavar="N", help="of each answer")
    parser.add_argument("--prompts", metavar="FILE", help="JSONL with own prompts")
    parser.add_argument("--processes", type=int, metavar="N", help="that send")
    parser.add_argument("--seed", type=int, metavar="N", help="of prompts and arrivals")
    parser.add_argument("--slo", metavar="FILE", help="the promises (policies/slo.yaml)")
    parser.add_argument("--accuracy", action="store_true", help="first measure for 10 s how accurate we are here")
    parser.add_argument("--dry-run", action="store_true", help="print what would be sent, and send nothing")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "results", metavar="DIR", help="where the run's folder goes (results)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Everything that is wrong is said at once, and before anything is sent."""
    wrong: list[str] = []
    plan, aim = _asked(arguments, wrong)
    wrong += levels.problems(_promises(plan, arguments))
    if wrong or plan is None:
        return _refuse(wrong)
    guess = estimate(plan.scenario, plan.prompt_tokens(), plan.replayed, prices())
    refused = [
        *missing(_hosts(aim), arguments.i_mean_it),
        *beyond(guess, plan.scenario.bounds),
        *_unfit(plan, aim),
    ]
    if not refused and not arguments.dry_run:
        refused = [said for place in (aim.target, aim.direct) if place and (said := trouble(place, os.environ))]
    if refused:
        return _refuse(refused)
    if arguments.dry_run:
        return _tell(plan, aim, guess)
    return _run(plan, aim, guess, arguments)


def _asked(arguments: argparse.Namespace, wrong: list[str]) -> tuple[Plan | None, Aim]:
    plan, aim = None, Aim()
    try:
        plan, problems = read(arguments.scenario, _overrides(arguments))
        wrong += map(str, problems)
    except OverrideError as error:
        wrong.append(str(error))
    try:
        aim = aim_of(arguments, os.environ)
    except ValueError as error:
        wrong.append(str(error))
    return plan, aim


def _run(plan: Plan, aim: Aim, guess: Estimate, arguments: argparse.Namespace) -> int:
    shown = view()
    shown.say(f"{plan.name}: {plan.scenario.purpose}")
    shown.say(f"{guess}")
    shown.say(_length(plan))
    place = arguments.out / f"{datetime.now().astimezone():%Y%m%d-%H%M%S}-{plan.name}"
    slo = _promises(plan, arguments)
    more: dict[str, Any] = {"slo": str(slo)} if slo else {}
    try:
        if arguments.accuracy:
            shown.say("measuring how accurate the generator is here ...")
            accuracy = measure(32, 10, 1000, "tick", 2.5)
            shown.say(f"{accuracy}")
            more["accuracy"] = {**asdict(accuracy), "failings": accuracy.failings}
        found = run_engine(plan, aim, guess, place, shown, more)
    except (BenchError, GeneratorError, ValueError) as error:
        return _refuse([str(error)])
    record.write(place, found)
    return _conclude(place, found)


def _conclude(place: Path, found: record.Run) -> int:
    """Judged even where it was interrupted: what there is may say enough."""
    conclusion = conclude(place, found)
    sys.stdout.write(f"\n{conclusion.text}\n")
    return Exit.INTERRUPTED if found.info["interrupted"] else conclusion.exit_code


def _promises(plan: Plan | None, arguments: argparse.Namespace) -> Path | None:
    """Those that were named, those of the scenario, else the usual ones."""
    if arguments.slo:
        return Path(arguments.slo).resolve()
    return ROOT / plan.scenario.slo if plan and plan.scenario.slo else None


def _tell(plan: Plan, aim: Aim, guess: Estimate) -> int:
    """What would be sent, by the first request of it."""
    own = {name: list(found) for name, found in plan.own_prompts.items()}
    chooser = Chooser(plan.scenario, own, 0)
    question = chooser.replay(plan.replayed[0]) if plan.replayed else chooser.next()
    target = aim.target.url if aim.target else "http://127.0.0.1/v1"
    request = post(address_of(target), orjson.dumps(question.body), {"authorization": "Bearer ..."}).decode()
    lines = [f"{plan.name}: {plan.scenario.purpose}", f"{guess}", _length(plan)]
    lines += [f"to {target}" if aim.target else "to a gateway and simulated providers, started for it"]
    lines += [
        f"  {stage.name}: {stage.seconds:g} s, {load_said(stage.users, stage.rate) or 'as recorded'}"
        for stage in plan.scenario.stages
    ]
    sys.stdout.write("\n".join([*lines, "", "the first request:", request.replace("\r\n", "\n"), ""]))
    return Exit.HELD


def _length(plan: Plan) -> str:
    seconds = f"{plan.scenario.seconds:,.0f} s"
    if plan.scenario.ends_at_knee:
        return f"takes at most {seconds}, and ends as soon as it knows its knee"
    return f"takes {seconds}"


def _overrides(arguments: argparse.Namespace) -> Overrides:
    return Overrides(
        seconds=arguments.seconds,
        users=arguments.users,
        rate=arguments.rate,
        models=tuple(arguments.model),
        max_tokens=arguments.max_tokens,
        prompts=arguments.prompts,
        processes=arguments.processes,
        seed=arguments.seed,
    )


def _hosts(aim: Aim) -> list[str]:
    return [address_of(place.url).host for place in (aim.target, aim.direct) if place is not None]


def _unfit(plan: Plan, aim: Aim) -> list[str]:
    if plan.scenario.faults and aim.target is not None:
        return ["faults are injected into simulated providers: leave --target out, or the faults"]
    return []


def _refuse(sentences: list[str]) -> int:
    for sentence in sentences:
        sys.stderr.write(f"load: {sentence}\n")
    return Exit.SET_UP
