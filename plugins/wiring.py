"""Builds everything once. LiteLLM may run callbacks.py many times; this module is imported, so there is one of it."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn

from plugins.circuit.board import Board
from plugins.circuit.sharing import Fleet
from plugins.config import deployments
from plugins.config.direct import direct_targets, what_only_litellm_does
from plugins.config.environment import host_of, provider_hosts, unsafe
from plugins.config.files import ROOT, beside, policies_directory
from plugins.config.idle import nothing_is_limited
from plugins.config.loggers import callbacks
from plugins.config.reload import BadPoliciesError, PolicyStore
from plugins.front.asgi import App
from plugins.front.clock import Clock
from plugins.front.express import Express
from plugins.front.front import Front
from plugins.front.gateway import Gateway
from plugins.front.places import Places
from plugins.front.rehearsal import Rehearsal
from plugins.front.startup import Startup
from plugins.hooks.complaints import count_complaints
from plugins.hooks.gate import Gate
from plugins.hooks.hearing import hear
from plugins.hooks.idle.app import Cut, WithoutIdleWork
from plugins.hooks.idle.ending import Repeating, leave_out_the_ending
from plugins.hooks.idle.hooks import redact_nothing, take_out_idle_hooks
from plugins.hooks.idle.lookups import remember_lookups
from plugins.hooks.idle.usage import leave_out_the_count
from plugins.hooks.mount import litellm_config_path, litellm_started, mount_front, quiet_logs, use_transport
from plugins.policy.access import digest
from plugins.policy.targets import Address
from plugins.state.address import BadAddressError, read
from plugins.state.redis_store import RedisStore
from plugins.telemetry.age import AGE, BEGUN
from plugins.telemetry.loggers import Loggers
from plugins.telemetry.record import current
from plugins.telemetry.sinks import Events, JsonLines
from plugins.upstream.admission import Admission
from plugins.upstream.caller import Caller
from plugins.upstream.lag import Lag
from plugins.upstream.pool import Pool
from plugins.upstream.sharing import Sharing
from plugins.upstream.transport import Transport
from plugins.upstream.understudy import Understudy
from plugins.upstream.warming import Warming


def _build(pool: Pool) -> tuple[Gateway, Understudy, Lag]:
    environment = dict(os.environ)
    clock = Clock()
    events = Events(JsonLines())
    config = litellm_config_path() or ROOT / "litellm_config.yaml"
    try:
        store = PolicyStore(policies_directory(environment), config, environment, lambda: clock.today, events)
    except BadPoliciesError as error:
        _give_up(str(error))
    master = environment.get("LITELLM_MASTER_KEY")
    deployed = deployments.deployed(store.document, environment)
    direct = direct_targets(store.document, environment)
    ways = {name: way for name, way in direct.items() if isinstance(way, Address)}
    targets = deployed.by_deployment
    ready = [(targets[name].provider, way) for name, way in ways.items() if targets[name].ready]
    complaint = unsafe(master, [*provider_hosts(environment), *(host_of(address.url) for _, address in ready)])
    if complaint:
        _give_up(complaint)

    def tell(event: dict[str, Any]) -> None:
        events({**event, "time": clock.wall})

    board = Board(targets.values(), lambda: store.current.circuits, random.random, tell)
    fleet = Fleet(board, f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}")
    lag = Lag(clock.monotonic, lambda: board.settings.trips.loop_lag_ms / 1000)
    caller = Caller(pool, clock.monotonic, Admission(board, lag, clock.monotonic, clock.utc))
    understudy = Understudy(Transport(caller, current.get, ways, clock.monotonic), current.get)
    called = callbacks(store.document, beside(config))
    warming = Warming(pool, ready, clock.monotonic, lambda: store.current.routing.warm_connections)
    rehearsal = Rehearsal(store, deployed, clock, understudy.cover, secrets.token_hex(8))
    gateway = Gateway(
        store=store,
        deployed=deployed,
        master_digest=digest(master) if master else None,
        events=events,
        board=board,
        express=Express(caller, ways, clock.monotonic),
        direct=direct,
        only_litellm=what_only_litellm_does(store.document, called),
        loggers=Loggers(called.loggers, hear),
        warming=warming,
        sharing=Sharing(
            fleet, _shared(environment.get("REDIS_URL")), lambda: board.settings, clock.monotonic, tell, lag.since
        ),
        startup=Startup(warming.begin, rehearsal, litellm_started, events, clock, AGE, BEGUN),
        clock=clock,
        places=Places(lambda: store.current.circuits.in_flight, lambda: lag.lasting),
    )
    return gateway, understudy, lag


def _shared(url: str | None) -> RedisStore | None:
    try:
        return RedisStore(read(url)) if url else None
    except BadAddressError as error:
        _give_up(str(error))


def _give_up(complaint: str) -> NoReturn:
    """One sentence instead of LiteLLM's traceback; it loads us where an exit code would be lost."""
    sys.stderr.write(f"waferline: {complaint}\n")
    sys.stderr.flush()
    os._exit(2)


class _Background:
    """What runs beside the requests, on the loop that serves them."""

    def __init__(self, *forever: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._forever = forever
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        if all(task.done() for task in self._tasks):  # none yet, or the loop they were on is gone
            self._tasks = [asyncio.get_running_loop().create_task(each()) for each in self._forever]

    def start_if_running(self) -> None:
        """LiteLLM loads us on that loop. Where it does not, the first request starts what is to run."""
        with suppress(RuntimeError):
            self.start()


def _front(app: App) -> Front:
    lean = WithoutIdleWork(app, _cuts(), gateway.left_out)
    gateway.startup.mounted(lean)
    return Front(lean, gateway, _background.start)


def _cuts() -> dict[str, Cut]:
    """What of LiteLLM's work is left out, by whom it would be for."""
    unlimited = nothing_is_limited(gateway.store.document)
    nobody = not (gateway.loggers.listen or gateway.only_litellm)
    cuts: dict[str, Cut] = {"lookups": remember_lookups}
    if unlimited:
        cuts |= {"hooks": take_out_idle_hooks, "count": leave_out_the_count}
    if nobody:
        cuts |= {"redaction": redact_nothing}
    if unlimited and nobody:
        cuts |= {"ending": partial(leave_out_the_ending, _understudy)}
    return cuts


_pool = Pool()
gateway, _understudy, _lag = _build(_pool)
gate = Gate(gateway.direct, gateway.board, gateway.clock.monotonic)
_background = _Background(
    gateway.store.watch,
    gateway.startup.run,
    gateway.warming.keep,
    gateway.loggers.keep,
    gateway.sharing.keep,
    _lag.watch,
)
_background.start_if_running()
use_transport(Repeating(_understudy))
mount_front(_front)
quiet_logs(os.environ)
if gateway.loggers.listen:
    count_complaints(gateway.loggers.note_failure)
gateway.startup.wired()
