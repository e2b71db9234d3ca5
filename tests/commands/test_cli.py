from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from plugins.cli import COMMANDS, main
from plugins.commands import check
from tests.commands.running import DAY, waferline, within
from tests.config.worlds import ROOT, World
from tests.support.processes import clean_environment

LEAVES = [
    ["check"],
    ["explain"],
    ["test"],
    ["catalog", "show"],
    ["catalog", "due"],
    ["catalog", "sync"],
    ["doctor"],
    ["circuit", "list"],
    ["circuit", "open"],
    ["circuit", "close"],
    ["circuit", "auto"],
    ["key", "new"],
    ["key", "list"],
    ["schema"],
]


@pytest.mark.parametrize("command", LEAVES, ids=" ".join)
def test_every_command_explains_itself_with_an_example(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"], {}, io.StringIO(), io.StringIO()) == 0

    text = capsys.readouterr().out
    assert f"examples:\n  waferline {' '.join(command)}" in text
    assert "--json" in text


def test_the_list_of_commands_is_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"], {}, io.StringIO(), io.StringIO()) == 0

    text = capsys.readouterr().out
    assert [name for name in COMMANDS if f"    {name} " not in text] == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "waferline: the following arguments are required: COMMAND; see {help}\n"),
        (
            ["explain"],
            "waferline explain: the following arguments are required: --model; see {help}\n",
        ),
        (
            ["check", "--at", "soon"],
            "waferline check: argument --at: must be a date like 2026-11-20 (was 'soon'); see {help}\n",
        ),
        (
            ["catalog", "due", "--within", "a month"],
            "waferline catalog due: argument --within: must be a number of days like 30d (was 'a month'); see {help}\n",
        ),
    ],
)
def test_wrong_arguments_are_one_sentence_and_two(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments, {}, io.StringIO(), io.StringIO()) == 2

    named = sentence.partition(":")[0]
    assert capsys.readouterr().err == sentence.format(help=f"{named} --help")


def test_global_options_may_stand_on_either_side(tmp_path: Path) -> None:
    world = World(tmp_path)
    options = ["--policies", world.directory, "--config", world.config]

    before, after = waferline(*options, "check", "--at", DAY), waferline("check", "--at", DAY, *options)

    assert before == after
    assert "3 catalog rows" in before.out


def test_the_environment_may_name_the_policies(tmp_path: Path) -> None:
    world = World(tmp_path, flaw="misspelt-choice")

    assert "retired: must be" in waferline("check", environment={"WAFERLINE_POLICIES": str(world.directory)}).out


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt(), 130), (RuntimeError("oh"), 3)])
def test_what_nobody_expected_has_an_exit_code_of_its_own(
    error: BaseException, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr(check, "run", fail)
    said = waferline("check")

    assert status == said.status
    assert ("this is a bug" in said.err) is (status == 3)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colour_is_for_terminals_that_want_it(environment: dict[str, str], coloured: bool, tmp_path: Path) -> None:
    world = World(tmp_path, flaw="misspelt-choice")
    out = Terminal()

    main(["--policies", str(world.directory), "check"], environment, out, io.StringIO())

    assert ("\033[31m" in out.getvalue()) is coloured
    assert "\033" not in within(world, "check").out


def test_the_command_starts_without_litellm_http_or_the_sdk() -> None:
    program = (
        "import sys, plugins.cli; print([m for m in ('litellm', 'httpx', 'aiohttp', 'cerebras') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_the_launcher_runs_it_from_any_directory(tmp_path: Path) -> None:
    done = subprocess.run(
        [ROOT / "waferline", "explain", "--model", "llama-3.3-70b"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert "use 'gpt-oss-120b' instead" in done.stdout
    assert (done.returncode, done.stderr) == (1, "")


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    done = subprocess.run(
        "./waferline catalog show --all --json | head -1",
        shell=True,
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("{\n", "")
