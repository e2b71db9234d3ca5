"""Ties what is started to whoever started it, so that nothing outlives its starter, however that ends.

Started as a program, `tether.py STARTER COMMAND ...` becomes the command. A process beside it watches both, and when
either has gone kills what is left of the session, a server's workers too. No signal and no crash gets around that: the
kernel tells of an end (pidfd), and the command takes no part in it.
"""

import errno
import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

CANNOT_RUN = 127  # as of a shell


def tethered(command: Sequence[str]) -> list[str]:
    """The command, tied to this process."""
    return [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(os.getpid()), *command]


def _become(starter: int, command: list[str]) -> int:
    if os.getsid(0) != os.getpid():
        os.setsid()  # what is killed must be ours
    try:
        watched = [os.pidfd_open(starter), os.pidfd_open(os.getpid())]
    except OSError as error:
        return CANNOT_RUN if error.errno == errno.ESRCH else _run(command)  # a kernel before 5.3 cannot tell
    if os.getppid() != starter:  # it has gone, and its number is another's
        return CANNOT_RUN
    between = os.fork()
    if between == 0:  # so that the command has no child that it did not start
        if os.fork() == 0:
            _watch(watched)
        os._exit(0)
    os.waitpid(between, 0)
    return _run(command)


def _run(command: list[str]) -> int:
    try:
        os.execvp(command[0], command)  # noqa: S606  as its starter wants it
    except OSError as error:
        sys.stderr.write(f"{command[0]!r} cannot be run ({error.strerror})\n")
    return CANNOT_RUN


def _watch(watched: Sequence[int]) -> None:
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they are meant for the command, which may take its time
    os.closerange(0, 3)  # whoever reads its output is to see the end of it
    poll = select.poll()
    for each in watched:
        poll.register(each, select.POLLIN)
    poll.poll()
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(_become(int(sys.argv[1]), sys.argv[2:]))
