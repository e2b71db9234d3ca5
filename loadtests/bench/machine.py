"""Where a run took place: everything somebody needs who wants to know why their figures differ."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from loadtests.bench.processes import ROOT

_VERSIONS = {"nginx": ["-v"], "haproxy": ["-v"], "envoy": ["--version"]}


def facts(seed: int) -> dict[str, str]:
    return {
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": commit(),
        "machine": f"{os.cpu_count()} CPUs ({_cpu()}), {_memory():.0f} GB, Linux {platform.release()}",
        "load average at the start": load_average(),
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("litellm", "uvloop", "uvicorn")},
        **{name: found for name in _VERSIONS if (found := _version(name))},
        "seed": str(seed),
    }


def load_average() -> str:
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def commit() -> str:
    found = _said(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"])
    changed = _said(["git", "-C", str(ROOT), "status", "--porcelain", "--untracked-files=no"])
    return f"{found or 'unknown'}{' with changes' if changed else ''}"


def _cpu() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _version(name: str) -> str:
    program = shutil.which(name) or shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin")
    found = re.search(r"\d+\.\d+\.\d+", _said([program, *_VERSIONS[name]])) if program else None
    return found[0] if found else ""


def _said(command: list[str]) -> str:
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603
        return (done.stdout + done.stderr).strip() if done.returncode == 0 else ""
    return ""
