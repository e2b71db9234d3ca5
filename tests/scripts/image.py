"""Carries out a Dockerfile without Docker: enough of it for ours, with a folder in place of the image's root."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# As root, everything runs as a user who owns nothing else.
NOBODY = 65534 if os.geteuid() == 0 else None
OF_THE_IMAGE = re.compile(r"(?<![\w.:/-])/(?=(?:usr/local|app|tmp)\b)")


@dataclass(frozen=True, slots=True)
class Instruction:
    keyword: str
    value: str


def parse(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines()]


def command_of(instruction: Instruction) -> list[str]:
    """The exec form behind CMD, and behind the options of a HEALTHCHECK."""
    command: list[str] = json.loads(instruction.value[instruction.value.index("[") :])
    return command


@dataclass
class Image:
    """What the instructions leave behind."""

    root: Path
    context: Path
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = field(init=False)
    commands: dict[str, list[str]] = field(default_factory=dict)
    user: str = "root"

    def __post_init__(self) -> None:
        self.folder = self.root
        (self.root / "tmp").mkdir()
        self.own(self.root)
        python = python_for_anybody()
        base = self.root / "usr" / "local"
        base.mkdir(parents=True)
        self.own(self.root)
        subprocess.run([python, "-m", "venv", str(base)], check=True, user=NOBODY, group=NOBODY)
        self.environment = {
            "PATH": f"{base / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HOME": str(self.root / "tmp"),
        }

    def build(self, instructions: Sequence[Instruction]) -> None:
        for instruction in instructions:
            getattr(self, f"_{instruction.keyword.lower()}")(instruction)

    def own(self, place: Path) -> None:
        if NOBODY is not None:
            for each in [place, *place.rglob("*")]:
                os.chown(each, NOBODY, NOBODY, follow_symlinks=False)

    def make_read_only(self) -> None:
        """What `docker run --read-only --tmpfs /tmp` leaves writable: /tmp."""
        for place in (self.root / "app", self.root / "usr"):
            subprocess.run(["chmod", "-R", "a-w", str(place)], check=True)

    def make_writable(self) -> None:
        subprocess.run(["chmod", "-R", "u+w", str(self.root)], check=True)

    def start(self, keyword: str, port: int, environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
        """The image's command, told to use a free port."""
        command = self.commands[keyword]
        program = shutil.which(command[0], path=self.environment["PATH"])
        assert program, f"{command[0]} is not in the image"
        with log.open("ab") as sink:
            return subprocess.Popen(
                [program, *command[1:]],
                cwd=self.folder,
                env={**self.environment, "PORT": str(port), **environment},
                stdout=sink,
                stderr=subprocess.STDOUT,
                user=NOBODY,
                group=NOBODY,
            )

    def mapped(self, text: str) -> str:
        return OF_THE_IMAGE.sub(f"{self.root}/", text)

    def _arg(self, instruction: Instruction) -> None:
        """The base image is the Python that runs the tests."""

    _from = _expose = _arg

    def _workdir(self, instruction: Instruction) -> None:
        self.folder = Path(self.mapped(instruction.value))
        self.folder.mkdir(parents=True, exist_ok=True)

    def _copy(self, instruction: Instruction) -> None:
        *sources, target = shlex.split(instruction.value)
        for source in sources:
            found = self.context / source
            place = self.folder / target
            place = place / found.name if target.endswith("/") else place
            place.parent.mkdir(parents=True, exist_ok=True)
            if found.is_dir():
                shutil.copytree(found, place, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(found, place)
        self.own(self.folder)

    def _env(self, instruction: Instruction) -> None:
        self.environment |= dict(pair.split("=", 1) for pair in shlex.split(self.mapped(instruction.value)))

    def _run(self, instruction: Instruction) -> None:
        done = subprocess.run(
            ["sh", "-c", self.mapped(instruction.value)],
            check=False,
            cwd=self.folder,
            env=self.environment | pip_settings(),
            capture_output=True,
            text=True,
            user=NOBODY,
            group=NOBODY,
        )
        assert done.returncode == 0, f"{instruction.value}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"

    def _user(self, instruction: Instruction) -> None:
        self.user = instruction.value

    def _cmd(self, instruction: Instruction) -> None:
        self.commands[instruction.keyword] = command_of(instruction)

    _healthcheck = _cmd


def python_for_anybody() -> str:
    """A Python that the other user may start: the one of the tests may lie in somebody's home."""
    for python in (sys.executable, "/usr/local/bin/python3", "/usr/bin/python3"):
        try:
            question = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
            if (
                subprocess.run([python, "-c", question], check=False, cwd="/", user=NOBODY, group=NOBODY).returncode
                == 0
            ):
                return python
        except OSError:
            continue
    raise AssertionError("no Python 3.11 or newer that an unprivileged user may start")


def pip_settings() -> dict[str, str]:
    """pip's configuration as variables, since the other user cannot read everybody's files."""
    listed = subprocess.check_output([sys.executable, "-m", "pip", "config", "list"], text=True).splitlines()
    settings = [line.split("=", 1) for line in listed if line.startswith("global.")]
    found = {
        f"PIP_{name.removeprefix('global.').replace('-', '_').upper()}": value.strip("'") for name, value in settings
    }
    return found | {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
