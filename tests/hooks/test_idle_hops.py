"""LiteLLM prepares our own calls where it is; whatever else it gives to a thread runs in one."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from litellm import main

from plugins.hooks.idle.hops import MostlyThreads
from plugins.policy.targets import Target
from plugins.telemetry.record import Record, current
from tests.telemetry.cases import record

CEREBRAS = Target("c", "m", "cerebras", "m")
BEDROCK = Target("b", "m", "bedrock", "m")


@pytest.fixture
def prepared() -> Iterator[Callable[..., Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "completion", lambda **asked: (threading.current_thread(), asked))
        yield lambda **asked: partial(contextvars.copy_context().run, partial(main.completion, **asked))


async def run(work: Callable[[], Any], of: Record | None) -> Any:
    token = current.set(of)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(MostlyThreads({"cerebras"}))
    try:
        return await loop.run_in_executor(None, work)
    finally:
        current.reset(token)


def calling(target: Target | None, *, unobserved: bool = True) -> Record:
    return record(calling=target, unobserved=unobserved)


async def test_a_call_of_ours_is_prepared_on_the_loop(prepared: Callable[..., Any]) -> None:
    thread, asked = await run(prepared(model="m"), calling(CEREBRAS))

    assert (thread, asked) == (threading.current_thread(), {"model": "m"})


@pytest.mark.parametrize(
    "of",
    [None, calling(None), calling(BEDROCK), calling(CEREBRAS, unobserved=False)],
    ids=["nobody's", "not through the gate", "of a provider that may block", "with an operator's callbacks"],
)
async def test_any_other_call_is_prepared_in_a_thread(prepared: Callable[..., Any], of: Record | None) -> None:
    thread, _ = await run(prepared(model="m"), of)

    assert thread is not threading.current_thread()


async def test_other_work_is_done_in_a_thread() -> None:
    assert await run(threading.current_thread, calling(CEREBRAS)) is not threading.current_thread()


async def test_what_a_call_raises_reaches_whoever_awaits_it() -> None:
    def refuse(**_: Any) -> None:
        raise ValueError("no such parameter")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "completion", refuse)
        work = partial(contextvars.copy_context().run, partial(main.completion))
        with pytest.raises(ValueError, match="no such parameter"):
            await run(work, calling(CEREBRAS))
