"""Running a coroutine where there is no task, or no need for one, as far as it goes without waiting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import coroutine
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Done(NamedTuple, Generic[T]):
    value: T


def started(work: Coroutine[Any, Any, T]) -> Done[T] | Awaitable[T]:
    """Run it up to its first wait: Done when there is none, else what is left, for a task to await.

    A write to a client who keeps up never waits, nor does a read of what is there already; waking a task for it, or
    setting a deadline, costs more than the thing itself.
    """
    try:
        waits_for = work.send(None)
    except StopIteration as end:
        return Done(end.value)
    return _rest(work, waits_for)


def left_of(work: Coroutine[Any, Any, None]) -> Awaitable[None] | None:
    """Run it up to its first wait; None when nothing is left of it."""
    rest = started(work)
    return None if isinstance(rest, Done) else rest


@coroutine
def _rest(work: Coroutine[Any, Any, T], waits_for: Any) -> Generator[Any, Any, T]:
    while True:
        try:
            answer = yield waits_for
        except BaseException as error:  # noqa: BLE001  whatever the task was told, such as its end, is for the work
            step: Callable[[Any], Any] = work.throw
            argument: Any = error
        else:
            step, argument = work.send, answer
        try:
            waits_for = step(argument)
        except StopIteration as end:
            value: T = end.value
            return value
