"""Redis or Valkey as the store: one script per exchange, and nothing that waits for long."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha1
from pathlib import Path
from typing import Any

from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from plugins.state.address import Kind, StoreAddress
from plugins.state.store import Answer, Known, StoreError, Terms, Told

WAIT_SECONDS = 0.1  # for a connection, and for each answer
WAITS = 5  # so many at most for all of an exchange: Sentinels and nodes are asked as well
VERSION = 1  # of what is kept: replicas that keep it otherwise do not see each other

_SCRIPT = Path(__file__).with_name("exchange.lua").read_text(encoding="utf-8")
_SHA = sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


class RedisStore:
    def __init__(self, address: StoreAddress, wait_seconds: float = WAIT_SECONDS) -> None:
        self._address = address
        self._wait = wait_seconds
        self._client: Any = None

    def __str__(self) -> str:
        return str(self._address)

    async def exchange(self, replica: str, told: Mapping[str, Told], terms: Terms) -> Answer:
        tag = f"{{waferline:{terms.namespace}}}:{VERSION}"  # one slot of a Cluster
        keys = [f"{tag}:replicas", *(f"{tag}:target:{name}" for name in told)]
        arguments = (replica, json.dumps(terms), json.dumps(list(told.values())))
        reply = await self._run(keys, arguments)
        try:
            replicas, answers = json.loads(reply)
            return Answer(replicas, {name: Known(*each) for name, each in zip(told, answers, strict=True)})
        except (TypeError, ValueError) as error:
            raise StoreError(f"{self._address} answered something that is no answer") from error

    async def _run(self, keys: list[str], arguments: tuple[str, ...]) -> Any:
        try:
            async with asyncio.timeout(WAITS * self._wait):
                if self._client is None:
                    self._client = _client(self._address, self._wait)
                try:
                    return await self._client.evalsha(_SHA, len(keys), *keys, *arguments)
                except NoScriptError:
                    return await self._client.eval(_SCRIPT, len(keys), *keys, *arguments)
        except (RedisError, OSError, TimeoutError) as error:
            await self.close()  # whatever it knew of nodes and masters may be what is wrong
            raise StoreError(self._sentence(error)) from error

    async def version(self) -> str:
        """For a doctor: what serves there."""
        try:
            async with asyncio.timeout(WAITS * self._wait):
                told = await self._client.info("server") if self._address.kind is not Kind.CLUSTER else {}
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreError(self._sentence(error)) from error
        name = "Valkey" if "valkey_version" in told else "Redis"
        return f"{name} {told.get('valkey_version') or told.get('redis_version') or 'Cluster'}"

    def _sentence(self, error: Exception) -> str:
        said = str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
        for secret in (self._address.password, self._address.sentinel_password):
            if secret:
                said = said.replace(secret, "…")
        return f"{self._address}: {' '.join(said.split())[:200]}"

    async def close(self) -> None:
        client, self._client = self._client, None
        watching = getattr(getattr(client, "connection_pool", None), "sentinel_manager", None)
        for each in (client, *(watching.sentinels if watching else ())):
            if each is None:
                return
            with suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(self._wait):
                    await each.aclose()


def _client(address: StoreAddress, wait: float) -> Any:
    """One connection, made when it is first used; one try, for the next tick comes soon."""
    common: dict[str, Any] = {
        "username": address.username,
        "password": address.password,
        "socket_timeout": wait,
        "socket_connect_timeout": wait,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "driver_info": None,
    }
    tls: dict[str, Any] = {"ssl": True, "ssl_ca_certs": address.ca_file} if address.tls else {}
    match address.kind:
        case Kind.CLUSTER:
            nodes = [ClusterNode(host, port) for host, port in address.hosts]
            return RedisCluster(startup_nodes=nodes, **common, **tls)
        case Kind.SENTINEL:
            own = {**common, "username": address.sentinel_username, "password": address.sentinel_password}
            sentinel = Sentinel(list(address.hosts), sentinel_kwargs={**own, **tls})  # type: ignore[no-untyped-call]
            return sentinel.master_for(address.service, db=address.db, **common, **tls)
    if address.path:
        return Redis(unix_socket_path=address.path, db=address.db, **common)
    ((host, port),) = address.hosts
    return Redis(host=host, port=port, db=address.db, **common, **tls)
