"""Starts what a plan says, waits until it answers, relays the gateway's output, and stops all of it together.

One thread and no asyncio: a loop of short waits looks at the children, at the output and at the signals in turn.
"""

import http.client
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Final

from scripts.plan import Plan, Simulator
from scripts.progress import StatusLine
from scripts.tether import tethered

TICK_SECONDS: Final = 0.1
SIMULATOR_BOOT_SECONDS: Final = 30.0
GATEWAY_BOOT_SECONDS: Final = 180.0
DRAIN_SECONDS: Final = 30.0  # as long as LiteLLM itself gives running streams
SIMULATOR_STOP_SECONDS: Final = 5.0
SHOWN_LINES: Final = 12


class LaunchError(Exception):
    """One sentence for the terminal."""


class StopAsked(Exception):  # noqa: N818  it is a wish, not an error
    """Ctrl-C, SIGTERM or a closed terminal, while something was being waited for."""


class Signals:
    """How often somebody has asked us to stop."""

    def __init__(self) -> None:
        self.asked = 0

    def _count(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.asked += 1

    @contextmanager
    def counted(self) -> Iterator[None]:
        wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._count) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class Output:
    """What the gateway prints: kept in a log while it boots, relayed to the terminal afterwards."""

    def __init__(self, source: IO[bytes], log: IO[bytes]) -> None:
        self._source: IO[bytes] | None = source
        self._sink: IO[bytes] | None = log

    def relay_to(self, sink: IO[bytes]) -> None:
        self._sink = sink

    def wait(self, seconds: float) -> bool:
        """Pass on what comes within that time; whether anything came."""
        watched = [self._source] if self._source else []
        if not select.select(watched, [], [], seconds)[0] or self._source is None:
            return False
        data = os.read(self._source.fileno(), 65536)
        if not data:
            self._source = None
        try:
            if self._sink:
                self._sink.write(data)
                self._sink.flush()
        except BrokenPipeError:  # whoever read our output has gone
            self._sink = None
            raise StopAsked from None
        return bool(data)


class Child:
    """A process in a session of its own: a Ctrl-C at the terminal reaches only the launcher."""

    def __init__(
        self, name: str, command: Sequence[str], root: Path, environment: Mapping[str, str], stdout: IO[bytes] | int
    ) -> None:
        self.name = name
        self.process = subprocess.Popen(
            tethered(command),
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def ending(self) -> str:
        code = self.process.returncode
        return f"was killed by signal {-code}" if code < 0 else f"exited with status {code}"

    def kill(self) -> None:
        """End it and whatever it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Supervisor:
    def __init__(self, plan: Plan, root: Path) -> None:
        self._plan = plan
        self._root = root
        self._logs = root / ".run" / str(plan.port)
        self._files = ExitStack()
        self._signals = Signals()
        self._status = StatusLine(sys.stderr)
        self._simulators: list[Child] = []
        self._gateway: Child | None = None
        self._output: Output | None = None

    def run(self, greeting: str) -> int:
        """The exit status: 0 after a stop that was asked for, 1 when something failed."""
        with self._files, self._signals.counted():
            try:
                self._boot()
                print(greeting, flush=True)
                self._watch()
            except StopAsked:
                gently = self._stop()
                self._say(
                    "waferline: everything is stopped." if gently else "waferline: stopped, open streams were cut."
                )
                return 0 if gently else 1
            except LaunchError as failure:
                self._say(f"waferline: {failure}")
                return 1
            finally:
                for child in self._children():
                    child.kill()
        return 1

    def _say(self, sentence: str) -> None:
        self._status.clear()
        print(sentence, file=sys.stderr)

    def _children(self) -> list[Child]:
        return [self._gateway, *self._simulators] if self._gateway else self._simulators

    def _boot(self) -> None:
        self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        bases = {simulator.base_variable: self._simulate(simulator) for simulator in self._plan.simulators}
        command = [
            str(self._root / ".venv" / "bin" / "litellm"),
            *("--config", "litellm_config.yaml", "--host", self._plan.host, "--port", str(self._plan.port)),
        ]
        log = self._logs / "gateway.log"
        environment = self._plan.environment_with(bases)
        self._gateway = Child("the gateway", command, self._root, environment, subprocess.PIPE)
        assert self._gateway.process.stdout is not None  # noqa: S101  it is a pipe
        self._output = Output(self._gateway.process.stdout, self._files.enter_context(log.open("wb")))
        self._wait_for("the gateway", GATEWAY_BOOT_SECONDS, lambda: answers(self._plan), log)
        self._pump_rest()  # what it said of its start belongs to the log
        self._output.relay_to(sys.stdout.buffer)

    def _simulate(self, simulator: Simulator) -> str:
        """The base address of a simulator that listens."""
        name = f"the {simulator.persona} simulator"
        log = self._logs / f"simulator-{simulator.persona}.log"
        command = [str(self._root / ".venv" / "bin" / "python"), "-m", "simulator", "--persona", simulator.persona]
        with log.open("wb") as sink:
            environment = self._plan.environment
            self._simulators.append(Child(name, [*command, "--port", "0"], self._root, environment, sink))
        found: list[str] = []

        def listens() -> bool:
            found[:] = re.findall(r"listening on (http://\S+)", log.read_text(encoding="utf-8", errors="replace"))
            return bool(found)

        self._wait_for(name, SIMULATOR_BOOT_SECONDS, listens, log)
        return f"{found[0]}/v1"

    def _wait_for(self, name: str, seconds: float, is_ready: Callable[[], bool], log: Path) -> None:
        deadline = time.monotonic() + seconds
        while not is_ready():
            for child in self._children():
                if not child.alive:
                    self._pump_rest()
                    raise LaunchError(
                        f"{last_lines(log)}\n{child.name} {child.ending()} while it started; all of it: {log}"
                    )
            if time.monotonic() > deadline:
                raise LaunchError(f"{last_lines(log)}\n{name} did not answer within {seconds:.0f} s; all of it: {log}")
            self._status.show(f"starting {name}")
            self._pause()
        self._status.clear()

    def _watch(self) -> None:
        while all(child.alive for child in self._children()):
            self._pause()
        self._pump_rest()
        dead = next(child for child in self._children() if not child.alive)
        raise LaunchError(f"{dead.name} {dead.ending()}; everything else is stopped.")

    def _pause(self) -> None:
        if self._signals.asked:
            raise StopAsked
        self._pump(TICK_SECONDS)

    def _pump(self, seconds: float) -> bool:
        if self._output:
            return self._output.wait(seconds)
        select.select([], [], [], seconds)
        return False

    def _pump_rest(self) -> None:
        while self._pump(0):
            pass

    def _stop(self) -> bool:
        """Let running streams end, then stop the rest; whether all of it went by itself."""
        self._status.clear()
        self._status = StatusLine(sys.stderr)
        gateway = [self._gateway] if self._gateway else []
        return self._end(
            gateway, DRAIN_SECONDS, "stopping: open streams may end, another Ctrl-C cuts them"
        ) and self._end(self._simulators, SIMULATOR_STOP_SECONDS, "stopping the simulators")

    def _end(self, children: Sequence[Child], seconds: float, text: str) -> bool:
        asked, deadline = self._signals.asked, time.monotonic() + seconds
        for child in children:
            child.process.terminate()
        while any(child.alive for child in children):
            if time.monotonic() > deadline or self._signals.asked > asked:
                return False
            self._status.show(text)
            self._pump(TICK_SECONDS)
        self._pump_rest()
        return True


def answers(plan: Plan) -> bool:
    host = plan.url.removeprefix("http://").rpartition(":")[0].strip("[]")
    connection = http.client.HTTPConnection(host, plan.port, timeout=2)
    try:
        connection.request("GET", "/health/readiness")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def last_lines(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return "\n".join(f"  {line}" for line in lines[-SHOWN_LINES:])
