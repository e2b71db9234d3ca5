"""What the README says is what happens: its commands are run, in order, in a copy of the repository."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.processes import BIN, ROOT, clean_environment, eventually, free_port, started

README = (ROOT / "README.md").read_text()
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Shown:
    """A command of the README, and what it says comes of it."""

    command: str
    output: str

    def __str__(self) -> str:
        return self.command[:60]


def shown() -> list[Shown]:
    found = []
    for language, block in FENCE.findall(README):
        if language == "console":
            for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                found.append(Shown(command, output.rstrip()))
    return found


def matches(expected: str, seen: str) -> bool:
    """A line of `...` stands for any lines, and `...` within one for anything there."""
    pattern = re.escape(expected.strip()).replace(re.escape("..."), "§")
    pattern = re.sub(r"(?m)^§\\?\n", r"(?:.*\n)*?", pattern)
    pattern = re.sub(r"\\?\n§$", r"(?:\n.*)*", pattern).replace("§", "[^\n]*")
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in seen.strip().splitlines())) is not None


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone holds, with the environment that `make run` would install."""
    directory = tmp_path_factory.mktemp("readme") / "waferline"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if not name.startswith("tests/") and (ROOT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, directory / name)
    (directory / ".venv").symlink_to(ROOT / ".venv", target_is_directory=True)
    return directory


def on_another_port(text: str, port: int) -> str:
    return text.replace("127.0.0.1:4000", f"127.0.0.1:{port}")


def test_the_commands_of_the_readme_do_what_it_says(copy: Path) -> None:
    """One test, for they are one story: each command stands on those before it."""
    port = free_port()
    first, *others = shown()
    assert first.command == "make run"
    assert (
        "scripts/run.py"
        in subprocess.run(["make", "-n", "run"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    )
    environment = clean_environment(PORT=str(port))
    # The environment is there already, and its stamp names another place: only what follows `setup` is run.
    with started([str(BIN / "python"), "scripts/run.py"], copy / "make-run.log", environment, copy) as gateway:
        ready = first.output.splitlines()[-1]

        def is_ready() -> bool:
            gateway.check_alive()
            return ready in gateway.lines()

        eventually(is_ready, 60, "the gateway's start")
        assert matches(on_another_port(first.output, port), "\n".join(gateway.lines()))

        for each in others:
            assignment = re.fullmatch(r"(\w+)=(\S+)", each.command)
            if assignment:
                environment[assignment[1]] = assignment[2]
                continue
            result = subprocess.run(
                ["bash", "-c", on_another_port(each.command, port)],
                cwd=copy,
                env=environment,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            expected = on_another_port(each.output, port)
            assert matches(expected, result.stdout), f"$ {each.command}\n{result.stdout}{result.stderr}"
        gateway.process.send_signal(signal.SIGINT)
        assert gateway.process.wait(40) == 0


def test_the_table_of_variables_names_all_that_are_read() -> None:
    told = set(re.findall(r"^\| `([A-Z_]+)` \|", README, re.MULTILINE))
    assert told == {
        "PORT",
        "HOST",
        "LITELLM_MASTER_KEY",
        "CEREBRAS_API_KEY",
        "CEREBRAS_API_BASE",
        "FALLBACK_API_BASE",
        "FALLBACK_API_KEY",
        "FALLBACK_MODEL",
        "WAFERLINE_POLICIES",
        "REDIS_URL",
    }
    config = (ROOT / "litellm_config.yaml").read_text()
    assert set(re.findall(r"os\.environ/(\w+)", config)) <= told


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([\w./-]+)\)", README))))
def test_every_file_that_the_readme_links_to_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_example_of_the_readme_is_one_of_those_that_are_run() -> None:
    block = next(block for language, block in FENCE.findall(README) if language == "yaml")
    wanted = block.split("examples:\n", 1)[1].strip()
    assert wanted in (ROOT / "policies" / "examples" / "lifecycle.yaml").read_text()


def test_every_code_of_a_refusal_in_the_readme_is_one_that_the_source_gives() -> None:
    source = "".join(path.read_text() for path in (ROOT / "plugins").rglob("*.py"))
    table = README.split("| status | code | when |", 1)[1].split("\n\n", 1)[0]
    codes = re.findall(r"`(\w+)`", "\n".join(row.split("|")[2] for row in table.splitlines() if row.count("|") > 3))

    assert len(codes) > 10
    assert [code for code in codes if f'"{code}"' not in source] == []
