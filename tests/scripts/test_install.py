"""What scripts/install.py decides. That it installs is shown by everything else that runs in .venv."""

import io
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import environment, install
from scripts.environment import Environment, Progress, SetupError, Stamp
from scripts.progress import StatusLine

LOCK = """\
aiohttp==3.14.5 \\
    --hash=sha256:0
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:1
zipp==4.1.2 \\
    --hash=sha256:2
"""
SAID = """\
Looking in links: somewhere
Ignoring colorama: markers 'sys_platform == "win32"' don't match your environment
Collecting aiohttp==3.14.5 (from -r runtime.lock (line 1))
  Downloading aiohttp-3.14.5-cp311-cp311-manylinux2014_x86_64.whl (1.9 MB)
Requirement already satisfied: zipp==4.1.2 in .venv
Installing collected packages: aiohttp, zipp
""".splitlines()


@pytest.fixture
def made(tmp_path: Path) -> Environment:
    """An environment that looks installed, with the stamp of runtime; its pip says and does what PIP_STUB tells."""
    (tmp_path / "requirements").mkdir()
    for name in environment.NAMES:
        (tmp_path / "requirements" / f"{name}.lock").write_text(f"{LOCK}# {name}\n")
    made = Environment(tmp_path)
    made.python.parent.mkdir(parents=True)
    made.python.write_text('#!/bin/sh\neval "${PIP_STUB:-}"\n')
    made.python.chmod(0o755)
    (made.place / "pyvenv.cfg").write_text(f"version = {platform.python_version()}\n")
    stamp(made, "runtime")
    return made


def stamp(made: Environment, name: str) -> None:
    made.stamp_of(name).write_text(made.wanted(name).text())


def test_the_progress_counts_what_pip_says() -> None:
    progress = Progress(environment.count_packages(LOCK))
    shown = []
    for line in SAID:
        progress = progress.after(line)
        shown.append(progress.text(installed=1))

    assert shown == [
        "fetching packages: 0 of 3",
        "fetching packages: 0 of 2",
        "fetching packages: 1 of 2",
        "fetching packages: 1 of 2",
        "fetching packages: 2 of 2",
        "installing packages: 1 of 2",
    ]


def test_the_real_locks_are_counted() -> None:
    runtime, dev = (
        environment.count_packages(Environment(environment.ROOT).lock_of(n).read_text()) for n in environment.NAMES
    )

    assert 100 < runtime < dev


def test_a_stamp_survives_being_written() -> None:
    stamp = Stamp("abc", "3.13.0", "/somewhere else/.venv")

    assert Stamp.parse(stamp.text()) == stamp
    assert Stamp.parse("half a sta") is None


def test_what_is_installed_is_left_alone(made: Environment) -> None:
    assert made.holds("runtime")
    assert not made.holds("dev")


def test_dev_is_enough_for_runtime(made: Environment) -> None:
    made.stamp_of("runtime").unlink()
    stamp(made, "dev")

    assert made.holds("runtime")
    assert made.holds("dev")


def test_another_lock_is_installed_over_it(made: Environment) -> None:
    made.lock_of("runtime").write_text(LOCK)

    assert not made.holds("runtime")
    assert made.can_be_built_on()


def test_without_a_stamp_it_was_interrupted_and_is_made_anew(made: Environment) -> None:
    made.stamp_of("runtime").unlink()

    assert not made.holds("runtime")
    assert not made.can_be_built_on()


def test_whoever_asks_with_another_python_does_not_take_it_from_under_a_running_gateway(made: Environment) -> None:
    (made.place / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.12.99\n")
    made.stamp_of("runtime").write_text(made.wanted("runtime").text())

    assert "python 3.12.99" in made.stamp_of("runtime").read_text()
    assert made.holds("runtime")


def test_without_its_python_it_is_made_anew(made: Environment) -> None:
    made.python.unlink()
    made.python.symlink_to("/nowhere/python3")

    assert not made.holds("runtime")
    assert not made.can_be_built_on()


@pytest.mark.parametrize(
    "other",
    [Stamp("lock", "3.10.1", "place"), Stamp("lock", platform.python_version(), "/moved/.venv")],
    ids=["another Python", "another place"],
)
def test_made_by_another_python_or_elsewhere_it_is_made_anew(made: Environment, other: Stamp) -> None:
    made.stamp_of("runtime").write_text(other.text())

    assert not made.holds("runtime")
    assert not made.can_be_built_on()


def test_a_failed_installation_leaves_no_stamp_and_says_why(made: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_STUB", "echo 'ERROR: No matching distribution found for zipp==4.1.2'; exit 1")
    made.lock_of("runtime").write_text(LOCK)

    with pytest.raises(SetupError) as failed:
        made.install("runtime", StatusLine(io.StringIO()))

    error, sentence = str(failed.value).splitlines()
    assert error == "  ERROR: No matching distribution found for zipp==4.1.2"
    assert sentence.startswith("runtime.lock could not be installed: the index has no wheel of it")
    assert made.stamps() == {}


def test_after_an_installation_the_command_is_linked_and_the_stamp_is_there(made: Environment) -> None:
    made.lock_of("dev").write_text("")

    made.install("dev", StatusLine(io.StringIO()))

    assert list(made.stamps()) == ["dev"]
    assert made.holds("runtime")
    assert (made.place / "bin" / "waferline").readlink() == Path("../../waferline")


@pytest.mark.parametrize("name", ["litellm_init.pth", "sitecustomize.py", "usercustomize.py"])
def test_a_file_that_runs_at_every_start_is_refused_by_name(made: Environment, name: str) -> None:
    packages = made.place / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "distutils-precedence.pth").touch()
    (packages / name).touch()
    made.lock_of("runtime").write_text("")

    with pytest.raises(SetupError, match=f"^{name} in .venv runs code at every start"):
        made.install("runtime", StatusLine(io.StringIO()))

    assert made.stamps() == {}


@pytest.mark.parametrize(
    ("cure", "log"),
    [
        ("do not install it", "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE."),
        ("glibc", "ERROR: No matching distribution found for litellm==1.108.7"),
        ("free some disk space", "ERROR: Could not install: [Errno 28] No space left on device"),
        ("look at the network", "NewConnectionError: Temporary failure in name resolution"),
        ("read .venv/install.log", "something new"),
    ],
)
def test_each_failure_has_its_cure(cure: str, log: str) -> None:
    assert cure in environment.cure_for(log)


def test_an_old_python_hands_over_to_a_newer_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    handed_over: list[list[str]] = []
    (tmp_path / "python3.12").symlink_to(sys.executable)
    (tmp_path / "python3.13").write_text("#!/bin/sh\nexit 127\n")  # a version manager's stub
    (tmp_path / "python3.13").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    monkeypatch.setattr(sys, "argv", ["install.py", "runtime"])
    monkeypatch.setattr(os, "execv", lambda _, command: handed_over.append(command))

    install.main()

    assert handed_over == [[str(tmp_path / "python3.12"), str(install.HERE), "runtime"]]


def test_an_old_python_alone_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))

    assert install.main() == 2
    assert "needs Python 3.11 or newer" in capsys.readouterr().err


def test_an_old_python_can_read_the_front_door() -> None:
    """Nothing newer than Python 3.6 knows: checked by compiling it without what came later."""
    import ast  # noqa: PLC0415  needed here only

    ast.parse(install.HERE.read_text(), feature_version=(3, 6))


def test_a_python_without_venv_names_the_package_to_install(made: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    made.stamp_of("runtime").unlink()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(SetupError, match="apt install python3-venv"):
        made.install("runtime", StatusLine(io.StringIO()))


def test_only_the_two_names_are_known() -> None:
    done = subprocess.run(
        [sys.executable, str(install.HERE), "everything"], check=False, capture_output=True, text=True
    )

    assert done.returncode == 2
    assert done.stderr == "usage: python3 scripts/install.py runtime|dev\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_one_line_that_changes() -> None:
    terminal, clock = Terminal(), iter([0.0, 1.0, 2.0, 3.0])
    status = StatusLine(terminal, now=lambda: next(clock))

    status.show("fetching")
    status.show("installing")
    status.clear()

    assert terminal.getvalue() == "\r\x1b[Kfetching (1 s)\r\x1b[Kinstalling (2 s)\r\x1b[K"


def test_elsewhere_a_line_comes_every_ten_seconds() -> None:
    pipe, now = io.StringIO(), [0.0]
    status = StatusLine(pipe, now=lambda: now[0])
    for now[0] in range(0, 25, 5):
        status.show("fetching")
    status.clear()
    now[0] = 26
    status.show("something else")

    assert pipe.getvalue() == "fetching (0 s)\nfetching (10 s)\nfetching (20 s)\nsomething else (26 s)\n"
