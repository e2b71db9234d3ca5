"""Makes .venv hold one lock file: created, repaired or left alone. Standard library only; needs Python 3.11.

A stamp, .venv/.installed-<name>, says what .venv holds. It goes first and comes back last, so an interrupted
installation has none and is made anew. Apart from pip's own cache, nothing is written outside the repository.
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.progress import StatusLine

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("runtime", "dev")  # dev is a superset of runtime
STAMPS = {"runtime": NAMES, "dev": ("dev",)}  # which stamps satisfy which wish
PIP_INSTALL = ("install", "--require-hashes", "--no-deps", "--only-binary", ":all:")
QUIET = ("--no-input", "--disable-pip-version-check", "--progress-bar", "off")
TICK_SECONDS = 0.2

# Python runs these at every start, before any program: litellm 1.82.8 was trojaned through a .pth file.
RUNS_AT_START = ("*.pth", "*.start", "sitecustomize.py", "usercustomize.py")
ALLOWED_AT_START = frozenset(
    {
        "distutils-precedence.pth",  # setuptools, which venv puts into every new environment before Python 3.12
    }
)

CURES = (
    (
        r"DO NOT MATCH THE HASHES",
        "the index served a file that is not the one we locked: do not install it, ask who runs that index",
    ),
    (
        r"Connection|Temporary failure|timed out|SSLError|ProxyError|ReadTimeout|Max retries",
        "look at the network, the proxy and the index that `pip config list` shows, then run this again",
    ),
    (
        r"No matching distribution|Could not find a version",
        "the index has no wheel of it for this Python and machine: use Python 3.11 to 3.13 on Linux with glibc",
    ),
    (r"No space left on device", "free some disk space, then run this again"),
)
NO_CURE = "read .venv/install.log, then run this again"


class SetupError(Exception):
    """One sentence for the terminal; its cure is in it."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an environment was made from. Its scripts hold absolute paths, so its place belongs to it."""

    lock: str
    python: str
    place: str

    def text(self) -> str:
        return f"lock {self.lock}\npython {self.python}\nplace {self.place}\n"

    @classmethod
    def parse(cls, text: str) -> "Stamp | None":
        match = re.fullmatch(r"lock (.*)\npython (.*)\nplace (.*)\n", text)
        return cls(*match.groups()) if match else None


@dataclass(frozen=True, slots=True)
class Progress:
    """What pip has said so far."""

    total: int
    collected: int = 0
    installing: bool = False

    def after(self, line: str) -> "Progress":
        if line.startswith("Ignoring "):
            return replace(self, total=self.total - 1)
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):
            return replace(self, collected=self.collected + 1)
        if line.startswith("Installing collected packages: "):
            return replace(self, installing=True)
        return self

    def text(self, installed: int) -> str:
        if self.installing:
            return f"installing packages: {min(installed, self.total)} of {self.total}"
        return f"fetching packages: {self.collected} of {self.total}"


def count_packages(lock: str) -> int:
    return len(re.findall(r"^[A-Za-z0-9][A-Za-z0-9._-]*==", lock, flags=re.MULTILINE))


def wanted(lock: bytes, place: Path) -> Stamp:
    """Whoever asks: an environment keeps the Python it was made with, which may be used by a gateway right now."""
    return Stamp(hashlib.sha256(lock).hexdigest(), python_of(place) or platform.python_version(), str(place))


def python_of(place: Path) -> str | None:
    try:
        found = re.search(r"^version *= *(\S+)", (place / "pyvenv.cfg").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return None
    return found[1] if found else None


def unexpected_at_start(names: Iterable[str]) -> list[str]:
    return sorted(set(names) - ALLOWED_AT_START)


def cure_for(log: str) -> str:
    return next((cure for pattern, cure in CURES if re.search(pattern, log)), NO_CURE)


class Environment:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = root / ".venv"
        self.python = self.place / "bin" / "python"
        self.log = self.place / "install.log"

    def lock_of(self, name: str) -> Path:
        return self.root / "requirements" / f"{name}.lock"

    def stamp_of(self, name: str) -> Path:
        return self.place / f".installed-{name}"

    def stamps(self) -> dict[str, Stamp]:
        files = {name: self.stamp_of(name) for name in NAMES}
        read = {name: Stamp.parse(file.read_text(encoding="utf-8")) for name, file in files.items() if file.is_file()}
        return {name: stamp for name, stamp in read.items() if stamp}

    def wanted(self, name: str) -> Stamp:
        return wanted(self.lock_of(name).read_bytes(), self.place)

    def holds(self, name: str) -> bool:
        stamps = self.stamps()
        return self._works() and any(stamps.get(other) == self.wanted(other) for other in STAMPS[name])

    def can_be_built_on(self) -> bool:
        """Whole, and made here: another lock can be installed over it."""
        python, place = python_of(self.place), str(self.place)
        return self._works() and any(
            stamp.python == python and stamp.place == place for stamp in self.stamps().values()
        )

    def installed(self) -> int:
        return sum(1 for _ in self.place.glob("lib/python*/site-packages/*.dist-info"))

    def install(self, name: str, status: StatusLine) -> None:
        if not self.can_be_built_on():
            self._remove()
            self._create(status)
        for other in NAMES:
            self.stamp_of(other).unlink(missing_ok=True)
        self._fill(name, status)
        self._refuse_what_runs_at_start()
        link = self.place / "bin" / "waferline"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("..", "..", "waferline"))
        self.stamp_of(name).write_text(self.wanted(name).text(), encoding="utf-8")

    def _works(self) -> bool:
        return os.access(self.python, os.X_OK)

    def _remove(self) -> None:
        if self.place.is_symlink() or self.place.is_file():
            self.place.unlink()
        elif self.place.exists():
            shutil.rmtree(self.place)

    def _create(self, status: StatusLine) -> None:
        if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
            version = f"python3.{sys.version_info.minor}"
            raise SetupError(
                f"{sys.executable} cannot make environments: `sudo apt install python3-venv {version}-venv`."
            )
        self.place.mkdir()
        failed = self._run([sys.executable, "-m", "venv", str(self.place)], status, None)
        if failed:
            raise SetupError(f"{self._tail()}\n.venv could not be created: {cure_for(self.log.read_text())}.")

    def _fill(self, name: str, status: StatusLine) -> None:
        lock = self.lock_of(name)
        progress = Progress(count_packages(lock.read_text(encoding="utf-8")))
        pip = [str(self.python), "-m", "pip", *PIP_INSTALL, *QUIET, "-r", str(lock)]
        if self._run(pip, status, progress):
            log = self.log.read_text(encoding="utf-8", errors="replace")
            raise SetupError(f"{self._tail()}\n{lock.name} could not be installed: {cure_for(log)}.")

    def _run(self, command: Sequence[str], status: StatusLine, progress: Progress | None) -> int:
        """Run it with its output in the log, and show how far it is."""
        before = self.installed()
        with self.log.open("ab") as sink, self.log.open(encoding="utf-8", errors="replace") as source:
            source.seek(0, os.SEEK_END)
            # PIP_USER would install outside .venv, PYTHONPATH would hide what is missing in it.
            env = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME"}} | {"PIP_USER": "0"}
            process = subprocess.Popen(command, cwd=self.root, env=env, stdout=sink, stderr=subprocess.STDOUT)
            try:
                while True:
                    for line in source:
                        progress = progress and progress.after(line)
                    status.show(progress.text(self.installed() - before) if progress else "creating .venv")
                    try:
                        return process.wait(TICK_SECONDS)
                    except subprocess.TimeoutExpired:
                        continue
            finally:
                process.kill()
                process.wait()

    def _tail(self, lines: int = 8) -> str:
        log = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in [line for line in log if line.strip()][-lines:])

    def _refuse_what_runs_at_start(self) -> None:
        packages = list(self.place.glob("lib/python*/site-packages"))
        found = unexpected_at_start(
            file.name for folder in packages for each in RUNS_AT_START for file in folder.glob(each)
        )
        if found:
            raise SetupError(
                f"{', '.join(found)} in .venv runs code at every start of Python, and no package we lock ships one: "
                "do not use this .venv, find out which package in the lock brought it."
            )


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in NAMES:
        print("usage: python3 scripts/install.py runtime|dev", file=sys.stderr)
        return 2
    name = arguments[0]
    environment = Environment(ROOT)
    if environment.holds(name):
        return 0
    status = StatusLine(sys.stderr)
    try:
        environment.install(name, status)
    except SetupError as error:
        status.clear()
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        status.clear()
        cure = "make a clone of your own, or free the disk, then run this again"
        print(f".venv could not be changed ({error.strerror}: {error.filename}): {cure}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        status.clear()
        print("interrupted: run it again, it repairs .venv.", file=sys.stderr)
        return 130
    status.clear()
    print(f".venv holds requirements/{name}.lock ({environment.installed()} packages, {status.elapsed:.0f} s)")
    return 0
