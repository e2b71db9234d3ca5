"""The JSON Schemas in policies/schemas/, which editors read, kept equal to the models that check the files."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel

from plugins.commands.context import CannotError, Context
from plugins.commands.examples import ExamplesFile
from plugins.commands.options import with_json
from plugins.config.files import FILES, shown
from plugins.config.problem import Problem
from plugins.config.schema import written
from plugins.policy.slo import SloFile

HELP = "check that policies/schemas/ is up to date, or write it"
EXAMPLES = """\
  waferline schema            exit 1 and name each schema that is out of date
  waferline schema --write    write them all"""

TITLES: Mapping[str, tuple[str, type[BaseModel]]] = {
    **{stem: (f"policies/{stem}.yaml", model) for stem, model in FILES.items()},
    "slo": ("policies/slo.yaml", SloFile),
    "examples": ("policies/examples/*.yaml", ExamplesFile),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--write", action="store_true", help="write the schemas that are out of date")
    with_json(parser)


def run(arguments: argparse.Namespace, context: Context) -> int:
    stale = list(outdated(context.policies))
    if arguments.write:
        _write(stale)
    if arguments.json:
        files = [
            {"file": shown(path), "current": path not in stale or arguments.write} for path in texts(context.policies)
        ]
        context.page.json({"schemas": files, "written": [shown(path) for path in stale] if arguments.write else []})
    elif stale:
        for path in stale:
            context.page.line(f"{'wrote' if arguments.write else 'out of date'}  {shown(path)}")
        if not arguments.write:
            context.page.line("run `waferline schema --write`")
    else:
        context.page.line(f"{len(TITLES)} schemas in {shown(context.policies / 'schemas')} are up to date")
    return 1 if stale and not arguments.write else 0


def _write(stale: list[Path]) -> None:
    for path in stale:
        try:
            path.parent.mkdir(exist_ok=True)
            path.write_text(texts(path.parent.parent)[path], encoding="utf-8")
        except OSError as error:
            raise CannotError(f"cannot write {shown(path)}, {error}") from error


def texts(policies: Path) -> dict[Path, str]:
    return {
        policies / "schemas" / f"{stem}.schema.json": written(title, model) for stem, (title, model) in TITLES.items()
    }


def outdated(policies: Path) -> list[Path]:
    return [path for path, text in texts(policies).items() if not path.is_file() or path.read_text("utf-8") != text]


def problems(policies: Path) -> list[Problem]:
    """For `waferline check`. A directory without schemas, as a container may mount, wants none."""
    if not (policies / "schemas").is_dir():
        return []
    what, cure = "is not what the code would write", "run `waferline schema --write`"
    return [Problem(shown(path), 1, "", what, cure=cure) for path in outdated(policies)]
