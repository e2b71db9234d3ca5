"""The hop to a thread and back in which LiteLLM prepares every call of a provider."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from litellm import main

from plugins.hooks.idle.app import UnfamiliarError
from plugins.telemetry.record import current


class MostlyThreads(ThreadPoolExecutor):
    """The loop's own executor, but for calls of ours, which begin where they are.

    LiteLLM takes a thread because some of its providers block, and some callbacks. Those of an OpenAI-compatible
    provider only put a request together and return what is to be awaited; and no callback is called but LiteLLM's own.
    """

    def __init__(self, never_block: Collection[str]) -> None:
        super().__init__()
        self._never_block = never_block

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if not self._is_a_call_of_ours(work):
            return super().submit(work, *args, **kwargs)
        done: Future[Any] = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001  it is whoever awaits it that has to know
            done.set_exception(error)
        return done

    def _is_a_call_of_ours(self, work: object) -> bool:
        call = work.args[0] if isinstance(work, partial) and work.args else None
        if not isinstance(call, partial) or call.func is not main.completion:
            return False
        record = current.get()
        return (
            record is not None
            and record.unobserved
            and record.calling is not None
            and record.calling.provider in self._never_block
        )


def leave_out_the_hop(never_block: Collection[str]) -> None:
    if not callable(getattr(main, "completion", None)):
        raise UnfamiliarError("main.completion is gone")
    asyncio.get_running_loop().set_default_executor(MostlyThreads(never_block))
