"""A periodic Linux timer as a file descriptor. An event loop's own timers are a millisecond coarse, this one is not."""

import ctypes
import os
import sys

_NONBLOCKING_CLOSED_ON_EXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_MONOTONIC = 1
_ABSOLUTE = 1


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


def available() -> bool:
    return sys.platform == "linux"


def create() -> int:
    """A stopped timer. Python has its own binding from 3.13 on only."""
    fd: int = ctypes.CDLL(None, use_errno=True).timerfd_create(_MONOTONIC, _NONBLOCKING_CLOSED_ON_EXEC)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "the kernel gave no timer")
    return fd


def start(fd: int, first: float, interval: float) -> None:
    """Fires at `first` (monotonic) and every `interval` seconds from then on."""
    _set(fd, _Itimerspec(_span(interval), _span(first)))


def stop(fd: int) -> None:
    _set(fd, _Itimerspec(_span(0), _span(0)))


def _span(seconds: float) -> _Timespec:
    nanoseconds = round(seconds * 1e9)
    return _Timespec(nanoseconds // 10**9, nanoseconds % 10**9)


def _set(fd: int, spec: _Itimerspec) -> None:
    if ctypes.CDLL(None, use_errno=True).timerfd_settime(fd, _ABSOLUTE, ctypes.byref(spec), None) < 0:
        raise OSError(ctypes.get_errno(), "the kernel refused the timer's interval")
