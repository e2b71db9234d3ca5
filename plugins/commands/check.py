"""`waferline check`: every problem there is, one line each; then whether all of it fits together."""

from __future__ import annotations

import argparse
from typing import Any

from plugins.commands import schema
from plugins.commands.context import Context, Loaded, as_if_set
from plugins.commands.examples import Result, run_file, shipped
from plugins.commands.options import with_day, with_json
from plugins.commands.page import Page, counted
from plugins.commands.test import tell_result
from plugins.config import checking, deployments
from plugins.config.files import shown
from plugins.config.problem import Level, Problem, errors, in_order
from plugins.config.slo import check_slo
from plugins.policy.engine import public_names
from plugins.state.address import BadAddressError, read

HELP = "check policies, litellm_config.yaml, schemas and examples"
EXAMPLES = """\
  waferline check                    all problems, one line each; exit 1 when there is an error
  waferline check --strict           exit 1 on warnings too
  waferline check --at 2027-01-31    what will be wrong by then"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--strict", action="store_true", help="exit 1 on warnings too")
    with_day(parser)
    with_json(parser)


def run(arguments: argparse.Namespace, context: Context) -> int:
    loaded, problems = _loaded(context)
    problems += schema.problems(context.policies)
    problems += _store(context)
    problems += check_slo(context.policies, public_names(loaded.policies, loaded.deployed) if loaded else None)
    results: list[Result] = []
    for path in shipped(context.policies) if loaded else ():
        found, wrong = run_file(path, loaded) if loaded else ([], [])
        results += found
        problems += wrong
    problems = in_order(problems)
    failed = [result for result in results if not result.holds]
    bad = problems if arguments.strict else errors(problems)
    if arguments.json:
        context.page.json(
            {
                "ok": not bad and not failed,
                "problems": [problem.as_dict() for problem in problems],
                "examples": {"run": len(results), "failed": [result.as_dict() for result in failed]},
            }
        )
    else:
        _tell(context, loaded, problems, results)
    return 1 if bad or failed else 0


def _loaded(context: Context) -> tuple[Loaded | None, list[Problem]]:
    """Checked as on a machine where every variable is set: which ones are set here is `explain --environment`'s."""
    document, _ = deployments.load(context.config)
    environment = as_if_set(document.data, context.environment)
    found, problems = checking.check(context.policies, context.config, environment, context.today)
    if found.policies is None or not isinstance(document.data, dict):
        return None, list(problems)
    return Loaded.of(found.policies, document, environment, context.config), list(problems)


def _store(context: Context) -> list[Problem]:
    try:
        read(context.environment.get("REDIS_URL") or "unix:///unset")
    except BadAddressError as error:
        return [Problem("the environment", 0, "REDIS_URL", error.reason, cure=error.cure)]
    return []


def _tell(context: Context, loaded: Loaded | None, problems: list[Problem], results: list[Result]) -> None:
    page = context.page
    for problem in problems:
        page.line(_coloured(page, problem))
    for result in results:
        if not result.holds:
            tell_result(page, result)
    files = {problem.file for problem in problems}
    warnings = sum(problem.level is Level.WARNING for problem in problems)
    if problems:
        mild = f", {warnings} of them only {'a warning' if warnings == 1 else 'warnings'}" if warnings else ""
        page.line(f"{counted(len(problems), 'problem')} in {counted(len(files), 'file')}{mild}")
    elif loaded:
        page.line(f"{shown(context.policies)}/ and {shown(context.config)} fit together: {_inventory(loaded)}")
    page.line(_about_examples(loaded, results))


def _coloured(page: Page, problem: Problem) -> str:
    place, _, rest = str(problem).partition(": ")
    return f"{page.styled('odd' if problem.level is Level.WARNING else 'bad', place)}: {rest}"


def _inventory(loaded: Loaded) -> str:
    policies, deployed = loaded.policies, loaded.deployed
    counts: list[tuple[int, Any]] = [
        (len(deployed.models), "model"),
        (len(deployed.by_deployment), "deployment"),
        (len(policies.routing.workloads), "workload"),
        (len(policies.access.clients), "client"),
        (len(policies.catalog.models), "catalog row"),
    ]
    return ", ".join(counted(number, thing) for number, thing in counts)


def _about_examples(loaded: Loaded | None, results: list[Result]) -> str:
    if loaded is None:
        return "examples: not run on policies that are not valid"
    held = sum(result.holds for result in results)
    return f"examples: {held} of {len(results)} hold" if results else "examples: none"
