"""`make run`: everything it starts answers, and everything it started ends. On stand-ins, then once for real."""

import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.stage import Launcher, alive, listens, stage
from tests.support.processes import ROOT, eventually

OWN_KEY = "sk-0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stage(tmp_path_factory.mktemp("stage"))


@pytest.fixture
def launcher(root: Path) -> Iterator[Launcher]:
    with Launcher(root) as launcher:
        yield launcher.ready()


def get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    return connection.getresponse().read().decode()


def test_the_gateway_finds_the_simulators(launcher: Launcher) -> None:
    given = json.loads(get(launcher.port, "/env"))

    assert len(launcher.children()) == 3
    assert (given["CEREBRAS_API_BASE"], given["CEREBRAS_API_KEY"]) == ("http://127.0.0.1:1/v1", "simulated")
    assert (given["FALLBACK_API_BASE"], given["FALLBACK_API_KEY"]) == ("http://127.0.0.1:2/v1", "simulated")
    assert given["LITELLM_MODE"] == "PRODUCTION"


def test_with_a_real_provider_only_the_gateway_is_started(root: Path) -> None:
    with Launcher(root, CEREBRAS_API_KEY="csk-1", LITELLM_MASTER_KEY=OWN_KEY) as launcher:
        launcher.ready()

        assert len(launcher.children()) == 1
        assert OWN_KEY not in launcher.said()


def test_the_log_of_the_boot_is_kept_and_the_lines_after_it_are_shown(root: Path, launcher: Launcher) -> None:
    get(launcher.port, "/something")

    eventually(lambda: '{"served": "/something"}' in launcher.said(), seconds=5, what="the line of a request")
    assert "banner" not in launcher.said()
    assert "banner" in (root / ".run" / str(launcher.port) / "gateway.log").read_text()


@pytest.mark.parametrize("asked_by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_stop_it_stops_everything_it_started(launcher: Launcher, asked_by: signal.Signals) -> None:
    children = launcher.children()

    launcher.process.send_signal(asked_by)

    assert launcher.status() == 0
    assert alive(children) == []
    assert not listens(launcher.port)


def test_asked_to_stop_while_it_boots_it_stops_as_well(root: Path) -> None:
    with Launcher(root, STUB_HANGS="1") as launcher:
        eventually(lambda: "starting the gateway" in launcher.said(), seconds=10, what="the gateway is being started")
        children = launcher.children()
        launcher.process.send_signal(signal.SIGINT)

        assert launcher.status() == 0, launcher.said()
        assert alive(children) == []


def test_an_answer_that_has_begun_may_end(launcher: Launcher) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", launcher.port, timeout=10)
    connection.request("GET", "/slow")
    answer = connection.getresponse()
    begun = answer.read(6)
    launcher.process.send_signal(signal.SIGINT)

    assert (begun + answer.read()).decode() == "begun and ended"
    assert launcher.status() == 0


def test_asked_twice_it_waits_no_longer(root: Path) -> None:
    with Launcher(root, STUB_STAYS="1") as launcher:
        children = launcher.ready().children()
        launcher.process.send_signal(signal.SIGINT)
        eventually(lambda: "another Ctrl-C" in launcher.said(), seconds=5, what="it says how to cut streams")

        launcher.process.send_signal(signal.SIGINT)

        assert launcher.status(seconds=10) == 1
        assert alive(children) == []


def test_killed_it_takes_everything_with_it(launcher: Launcher) -> None:
    children = launcher.children()

    launcher.process.kill()

    eventually(lambda: not alive(children), seconds=5, what="no orphans")


def test_when_the_gateway_dies_the_rest_is_stopped(launcher: Launcher) -> None:
    children = launcher.children()

    get(launcher.port, "/die")

    assert launcher.status() == 1
    assert "waferline: the gateway exited with status 7; everything else is stopped." in launcher.said()
    assert alive(children) == []


def test_when_a_simulator_dies_the_rest_is_stopped(launcher: Launcher) -> None:
    children = launcher.children()
    gateway = next(pid for pid in children if b"litellm" in Path(f"/proc/{pid}/cmdline").read_bytes())
    simulator = next(pid for pid in children if pid != gateway)

    os.kill(simulator, signal.SIGKILL)

    assert launcher.status() == 1
    assert "simulator was killed by signal 9; everything else is stopped." in launcher.said()
    assert alive(children) == []


def test_a_gateway_that_does_not_start_is_explained(root: Path) -> None:
    with Launcher(root, STUB_FAILS="1") as launcher:
        assert launcher.status() == 1
        assert "  the configuration is wrong\n" in launcher.said()
        assert "the gateway exited with status 1 while it started" in launcher.said()


def test_a_port_in_use_is_said_before_anything_starts(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, Launcher(root, PORT=str(taken.getsockname()[1])) as launcher:
        assert launcher.status() == 2
        assert launcher.said() == (
            f"waferline: port {launcher.port} of 127.0.0.1 is in use: "
            f"stop what listens there, or `make run PORT={launcher.port + 1}`.\n"
        )


def test_a_refusal_is_one_sentence(root: Path) -> None:
    with Launcher(root, CEREBRAS_API_KEY="csk-1") as launcher:
        assert launcher.status() == 2
        assert launcher.said().count("\n") == 1
        assert "openssl rand" in launcher.said()


def test_without_an_environment_it_says_how_to_make_one(tmp_path: Path) -> None:
    empty = stage(tmp_path)
    (empty / ".venv" / "bin" / "litellm").unlink()

    with Launcher(empty) as launcher:
        assert launcher.status() == 2
        assert "run `make setup` first" in launcher.said()


@pytest.mark.skipif(not (ROOT / ".venv" / "bin" / "litellm").exists(), reason="the gateway is not installed in .venv")
def test_the_real_gateway_streams_and_stops() -> None:
    """The command that the greeting shows is pasted into a shell, as somebody would."""
    with Launcher(ROOT) as launcher:
        launcher.ready(seconds=120)
        children = launcher.children()
        command = next(line for line in launcher.said().splitlines() if line.startswith("try:")).removeprefix("try:")
        answer = subprocess.run(
            ["sh", "-c", f"{command} --silent --fail-with-body --max-time 30"],
            check=False,
            capture_output=True,
            text=True,
        )

        assert shlex.split(command)[0] == "curl"
        assert answer.returncode == 0, answer.stdout + launcher.said()
        assert answer.stdout.count("data: {") > 1
        assert answer.stdout.rstrip().endswith("data: [DONE]")
        launcher.process.send_signal(signal.SIGINT)
        assert launcher.status(seconds=40) == 0
        assert alive(children) == []
        assert not listens(launcher.port)
