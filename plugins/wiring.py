"""Builds everything once. LiteLLM may run callbacks.py many times; this module is imported, so there is one of it."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import NoReturn

from plugins.config import deployments
from plugins.config.direct import direct_targets, what_only_litellm_does
from plugins.config.environment import unsafe
from plugins.config.files import ROOT, policies_directory
from plugins.config.reload import BadPoliciesError, PolicyStore
from plugins.front.clock import Clock
from plugins.front.express import Express
from plugins.front.front import Front
from plugins.front.gateway import Gateway
from plugins.hooks.gate import Gate
from plugins.hooks.mount import litellm_config_path, mount_front, quiet_logs, use_transport
from plugins.policy.access import digest
from plugins.telemetry.record import current
from plugins.telemetry.sinks import Events, JsonLines
from plugins.upstream.caller import Caller
from plugins.upstream.pool import Pool
from plugins.upstream.transport import Transport


def _build(caller: Caller) -> Gateway:
    environment = dict(os.environ)
    complaint = unsafe(environment)
    if complaint:
        _give_up(complaint)
    clock = Clock()
    events = Events(JsonLines())
    config = litellm_config_path() or ROOT / "litellm_config.yaml"
    document, _ = deployments.load(config)
    try:
        store = PolicyStore(policies_directory(environment), config, environment, lambda: clock.today, events)
    except BadPoliciesError as error:
        _give_up(str(error))
    master = environment.get("LITELLM_MASTER_KEY")
    direct = direct_targets(document, environment)
    return Gateway(
        store=store,
        deployed=deployments.deployed(document, environment),
        master_digest=digest(master) if master else None,
        events=events,
        express=Express(caller, direct, clock.monotonic),
        direct=direct,
        only_litellm=what_only_litellm_does(document),
        clock=clock,
    )


def _give_up(complaint: str) -> NoReturn:
    """One sentence instead of LiteLLM's traceback; it loads us where an exit code would be lost."""
    sys.stderr.write(f"waferline: {complaint}\n")
    sys.stderr.flush()
    os._exit(2)


class _Background:
    """What runs beside the requests. It needs the loop that serves them, so the first request starts it."""

    def __init__(self, store: PolicyStore) -> None:
        self._store = store
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._store.watch(), name="waferline.policies")


_caller = Caller(Pool(), Clock().monotonic)
gateway = _build(_caller)
gate = Gate()
_background = _Background(gateway.store)
use_transport(Transport(_caller, current.get))
mount_front(lambda app: Front(app, gateway, _background.start))
quiet_logs(os.environ)
