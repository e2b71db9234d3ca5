"""`waferline test`: the examples, each with a line, and the rules that none of them meets."""

from __future__ import annotations

import argparse
from pathlib import Path

from plugins.commands.context import CannotError, Context, load
from plugins.commands.examples import Result, never_exercised, run_file, shipped
from plugins.commands.options import with_json
from plugins.commands.page import Page, counted
from plugins.config.files import shown
from plugins.config.problem import Problem, in_order

HELP = "run the examples against the policies"
EXAMPLES = """\
  waferline test                                     those of policies/examples/
  waferline test policies/examples/streaming.yaml    those of one file

  An example is YAML:

  examples:
    - name: a retired model is refused with its successor
      ask: {model: llama-3.3-70b, at: 2026-11-20}
      expect: {refused: model_retired, successor: gpt-oss-120b}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="YAML files of examples (policies/examples)"
    )
    with_json(parser)


def run(arguments: argparse.Namespace, context: Context) -> int:
    files = [path.resolve() for path in arguments.files] or shipped(context.policies)
    if not files:
        raise CannotError(f"there are no examples in {shown(context.policies / 'examples')}; name a file")
    loaded = load(context)
    results: list[Result] = []
    problems: list[Problem] = []
    for path in files:
        found, wrong = run_file(path, loaded)
        results += found
        problems += wrong
    missed = never_exercised(loaded.policies, results)
    failed = [result for result in results if not result.holds]
    if arguments.json:
        context.page.json(
            {
                "ok": not failed and not problems,
                "examples": [result.as_dict() for result in results],
                "problems": [problem.as_dict() for problem in problems],
                "never_exercised": missed,
            }
        )
    else:
        _tell(context.page, results, problems, missed)
    return 1 if failed or problems else 0


def _tell(page: Page, results: list[Result], problems: list[Problem], missed: list[str]) -> None:
    for file in dict.fromkeys(result.file for result in results):
        page.line(page.styled("strong", file))
        for result in results:
            if result.file == file:
                tell_result(page, result)
        page.line()
    for problem in in_order(problems):
        page.line(str(problem))
    page.line(summary(results, problems))
    if missed:
        page.line(f"rules never exercised: {', '.join(missed)}")


def tell_result(page: Page, result: Result) -> None:
    if result.holds:
        page.line(f"  {page.styled('good', 'holds')}  {result.name}")
        return
    page.line(f"  {page.styled('bad', 'fails')}  {result.name}  ({result.file}:{result.line})")
    for difference in result.differences:
        page.line(f"         {difference}")


def summary(results: list[Result], problems: list[Problem]) -> str:
    held = sum(result.holds for result in results)
    unread = f"; {counted(len(problems), 'problem')} kept others from running" if problems else ""
    return f"{held} of {counted(len(results), 'example')} {'holds' if held == 1 else 'hold'}{unread}"
