"""What the end of a load run means to a shell: one thing each."""

from enum import IntEnum


class Exit(IntEnum):
    HELD = 0
    MISSED = 1
    VOID = 2  # it proves nothing: the generator was the bottleneck, or there were not enough samples
    SET_UP = 3  # nothing was measured: a scenario, an address or a file is wrong
    INTERRUPTED = 130
