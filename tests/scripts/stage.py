"""A stand-in repository for the launcher: its own scripts, a gateway and simulators of a few lines that do as told."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.processes import ROOT, eventually, free_port

# GET /env: what it was given. GET /die: ends. GET /slow: an answer that begins, and ends half a second later.
GATEWAY = """\
import http.server, json, os, signal, sys, threading
print("booting, with a banner", flush=True)
if "STUB_FAILS" in os.environ:
    raise SystemExit("the configuration is wrong")
if "STUB_HANGS" in os.environ:
    signal.pause()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        if self.path == "/die":
            os._exit(7)
        if self.path == "/env":
            self.wfile.write(json.dumps(dict(os.environ)).encode())
        if self.path == "/slow":
            self.wfile.write(b"begun ")
            threading.Event().wait(0.5)
            self.wfile.write(b"and ended")
        print(json.dumps({"served": self.path}), flush=True)
    def log_message(self, *_):
        pass
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert arguments["--config"] == "litellm_config.yaml"
server = http.server.ThreadingHTTPServer((arguments["--host"], int(arguments["--port"])), Handler)
server.daemon_threads = False
def stop(*_):
    if "STUB_STAYS" not in os.environ:
        threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, stop)
server.serve_forever()
server.server_close()
"""
SIMULATOR = """\
import os, signal, sys
persona = sys.argv[sys.argv.index("--persona") + 1]
print(f"simulator ({persona}) listening on http://127.0.0.1:{1 if persona == 'cerebras' else 2}", flush=True)
signal.pause()
"""


def stage(folder: Path) -> Path:
    """A repository in which `scripts/run.py` finds everything it starts."""
    shutil.copytree(ROOT / "scripts", folder / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for room in ("config", "policy"):
        (folder / "plugins" / room).mkdir(parents=True)
    for name in ("config/__init__.py", "config/environment.py", "policy/__init__.py", "policy/targets.py"):
        shutil.copy(ROOT / "plugins" / name, folder / "plugins" / name)
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    (programs / "litellm").write_text(f"#!{sys.executable}\n{GATEWAY}")
    (programs / "litellm").chmod(0o755)
    (folder / "simulator").mkdir()
    (folder / "simulator" / "__main__.py").write_text(SIMULATOR)
    return folder


class Launcher:
    """`scripts/run.py` of a repository, running; leaving the `with` block ends all of it."""

    def __init__(self, root: Path, **environment: str) -> None:
        self.port = int(environment.setdefault("PORT", str(free_port())))
        self._logs = root / ".run" / str(self.port)
        self._logs.mkdir(parents=True)
        self._said = self._logs / "said"
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
        with self._said.open("wb") as sink:
            self.process = subprocess.Popen(
                [sys.executable, str(root / "scripts" / "run.py")],
                env=kept | environment,
                stdout=sink,
                stderr=subprocess.STDOUT,
                cwd="/",
                start_new_session=True,
            )

    def __enter__(self) -> "Launcher":
        return self

    def __exit__(self, *_: object) -> None:
        for process in [self.process.pid, *self.children()]:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()
        shutil.rmtree(self._logs)

    def said(self) -> str:
        return self._said.read_text()

    def ready(self, seconds: float = 20) -> "Launcher":
        eventually(lambda: "ready: " in self.said() or self.ended(), seconds=seconds, what=f"ready\n{self.said()}")
        assert not self.ended(), self.said()
        return self

    def ended(self) -> bool:
        return self.process.poll() is not None

    def status(self, seconds: float = 20) -> int:
        eventually(self.ended, seconds=seconds, what=f"the launcher ends\n{self.said()}")
        return self.process.returncode

    def children(self) -> list[int]:
        return [pid for pid, parent in _parents().items() if parent == self.process.pid]


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def alive(processes: list[int]) -> list[int]:
    return [pid for pid in processes if pid in _parents()]


def _parents() -> dict[int, int]:
    """Every process that runs, with its parent; one that only waits to be collected does not run."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (place / "stat").read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        if state != "Z":
            found[int(place.name)] = int(parent)
    return found
