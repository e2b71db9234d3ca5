"""The `waferline` command and the Makefile: that they find the repository, and say what is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.processes import ROOT

CLI = "import os, sys; print(sys.argv[1:], os.getcwd(), os.environ['PYTHONPATH'], __file__)\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "the repository"
    (root / "plugins").mkdir(parents=True)
    (root / "plugins" / "cli.py").write_text(CLI)
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (root / ".venv" / "bin" / "waferline").symlink_to("../../waferline")
    (root / ".venv" / ".installed-runtime").touch()
    shutil.copy(ROOT / "waferline", root)
    return root


def run(command: Path, *arguments: str, cwd: Path, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [command, *arguments], check=False, cwd=cwd, capture_output=True, text=True, env={"PATH": path}
    )


@pytest.mark.parametrize("way", ["waferline", ".venv/bin/waferline", "link"])
def test_it_finds_its_repository_from_any_directory(root: Path, tmp_path: Path, way: str) -> None:
    (root / "link").symlink_to(root / ".venv" / "bin" / "waferline")
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "plugins").mkdir(parents=True)
    (elsewhere / "plugins" / "cli.py").write_text("raise SystemExit('not ours')")

    done = run(root / way, "check", "two words", cwd=elsewhere)

    assert done.stdout == f"['check', 'two words'] {elsewhere} {root} {root / 'plugins' / 'cli.py'}\n", done.stderr


def test_without_an_environment_it_uses_a_python_that_has_the_packages(root: Path, tmp_path: Path) -> None:
    shutil.rmtree(root / ".venv")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (programs / "python3").chmod(0o755)

    done = run(root / "waferline", "check", cwd=tmp_path, path=f"{programs}:/usr/bin:/bin")

    assert done.stdout.startswith("['check']"), done.stderr


def test_without_packages_it_says_what_to_do(root: Path, tmp_path: Path) -> None:
    shutil.rmtree(root / ".venv")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to("/bin/false")

    done = run(root / "waferline", "check", cwd=tmp_path, path=f"{programs}:/usr/bin:/bin")

    assert done.returncode == 2
    assert done.stderr == f"waferline: there is no {root}/.venv: run `make setup` in {root} first.\n"


def test_after_half_an_installation_it_says_how_to_finish_it(root: Path) -> None:
    (root / ".venv" / ".installed-runtime").unlink()

    done = run(root / "waferline", "check", cwd=root)

    assert done.returncode == 2
    assert done.stderr == f"waferline: {root}/.venv is only half made: run `make setup` in {root} first.\n"


def test_make_alone_lists_what_there_is() -> None:
    done = subprocess.run(["make", "-C", str(ROOT), "--no-print-directory"], check=True, capture_output=True, text=True)

    listed = [line.split()[1] for line in done.stdout.splitlines()]
    assert listed == [
        "help",
        "setup",
        "run",
        "test",
        "load",
        "bench",
        "conformance",
        "chaos",
        "lint",
        "format",
        "check",
        "lock",
        "clean",
    ]
