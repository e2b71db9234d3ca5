"""Ends what is done for a client as soon as the client is gone."""

from __future__ import annotations

import asyncio

from plugins.front.asgi import Receive


class Leash:
    """Held by the task that answers. When it is `pulled`, that task is cancelled where it waits."""

    def __init__(self, receive: Receive) -> None:
        self._task = asyncio.current_task()
        self._over = False
        self.pulled = False
        self._leaving = asyncio.ensure_future(_gone(receive))
        self._leaving.add_done_callback(self._left)

    def release(self) -> None:
        self._over = True
        self._leaving.cancel()

    def _left(self, leaving: asyncio.Task[None]) -> None:
        if not (self._over or leaving.cancelled() or self._task is None):
            self.pulled = True
            self._task.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
