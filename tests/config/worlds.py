"""A small world of policies that fit together, and the same with a flaw. Files in bad/ are named by it."""

import shutil
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from plugins.commands.context import as_if_set
from plugins.config import deployments
from plugins.config.checking import check
from plugins.config.problem import in_order

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TODAY = date(2026, 11, 20)
STEMS = ("models", "lifecycle", "streaming", "routing", "access", "circuits", "litellm")
FLAWS = sorted({path.name.split(".", maxsplit=1)[0] for path in (HERE / "bad").iterdir()})
EXPECTED = "#! "


class World:
    """Files in a directory of their own. Problems are told without its name."""

    def __init__(self, directory: Path, *, flaw: str | None = None) -> None:
        self.directory = directory
        self.config = directory / "litellm_config.yaml"
        directory.mkdir(exist_ok=True)
        for stem in STEMS:
            flawed = HERE / "bad" / f"{flaw}.{stem}.yaml"
            shutil.copyfile(flawed if flawed.is_file() else HERE / "good" / f"{stem}.yaml", self.path(stem))

    def path(self, stem: str) -> Path:
        return self.config if stem == "litellm" else self.directory / f"{stem}.yaml"

    def change(self, stem: str, old: str, new: str) -> None:
        text = self.path(stem).read_text("utf-8")
        assert old in text
        self.path(stem).write_text(text.replace(old, new), "utf-8")

    def problems(self, today: date = TODAY) -> list[str]:
        document, _ = deployments.load(self.config)
        _, problems = check(self.directory, self.config, as_if_set(document.data, {}), today)
        return self.told(map(str, in_order(problems)))

    def told(self, lines: Iterable[str]) -> list[str]:
        return [line.replace(f"{self.directory}/", "") for line in lines]


def expected(flaw: str) -> list[str]:
    """What the flawed files say of themselves, in their first lines."""
    return [
        line.removeprefix(EXPECTED)
        for stem in sorted(STEMS, key=lambda stem: "litellm_config" if stem == "litellm" else stem)
        if (path := HERE / "bad" / f"{flaw}.{stem}.yaml").is_file()
        for line in path.read_text("utf-8").splitlines()
        if line.startswith(EXPECTED)
    ]
