"""The command line, run in this process: what it printed and how it ended."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plugins.cli import main
from tests.config.worlds import World

DAY = "2026-11-20"


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def waferline(*arguments: object, environment: Mapping[str, str] | None = None) -> Said:
    out, err = io.StringIO(), io.StringIO()
    status = main([str(each) for each in arguments], environment or {}, out, err)
    return Said(status, out.getvalue(), err.getvalue())


def within(world: World, *arguments: object, environment: Mapping[str, str] | None = None) -> Said:
    """Asked about that world, and told without its directory."""
    said = waferline("--policies", world.directory, "--config", world.config, *arguments, environment=environment)
    return Said(said.status, said.out.replace(f"{world.directory}/", ""), said.err.replace(f"{world.directory}/", ""))
