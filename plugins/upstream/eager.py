"""Running a coroutine where there is no task, as far as it goes without waiting."""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator
from types import coroutine
from typing import Any


def started(work: Coroutine[Any, Any, None]) -> Awaitable[None] | None:
    """Run it up to its first wait. None when it is done, else what is left, for a task to await.

    A write to a client who keeps up never waits, and a task that is woken for it costs more than the write.
    """
    try:
        waits_for = work.send(None)
    except StopIteration:
        return None
    return _rest(work, waits_for)


@coroutine
def _rest(work: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    while True:
        try:
            answer = yield waits_for
        except BaseException as error:  # noqa: BLE001  whatever the task was told, such as its end, is for the work
            step = work.throw
            argument: Any = error
        else:
            step, argument = work.send, answer
        try:
            waits_for = step(argument)
        except StopIteration:
            return
