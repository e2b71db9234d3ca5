"""The simulator as a child process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Running:
    host: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@contextmanager
def running(persona: str = "cerebras", **knobs: object) -> Iterator[Running]:
    """`with running("cerebras", pace=500, tier="free") as provider: ...`, on a free port unless `port` is given."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in knobs.items()]
    command = [sys.executable, "-m", "simulator", "--persona", persona, *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if "listening on http://" not in line:
                raise RuntimeError("the simulator did not start, its reason is on stderr")
            host, _, port = line.strip().rpartition("http://")[2].rpartition(":")
            yield Running(host, int(port), process.pid)
        finally:
            process.terminate()
