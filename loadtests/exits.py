"""What the end of a run means to a shell, and nothing else means it."""

from enum import IntEnum


class Exit(IntEnum):
    HELD = 0  # every promise
    MISSED = 1  # a promise, or worse than the run before
    VOID = 2  # the run proves nothing: the generator was the bottleneck, or there are too few samples
    SET_UP = 3  # nothing was sent: a file, an address or a bound is wrong
    INTERRUPTED = 130  # what there is by then is kept
