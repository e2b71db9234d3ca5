"""What the kernel counts for a process, and for all below it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from threading import Thread

from loadtests.bench import usage


def busy() -> None:
    until = time.thread_time() + 0.02
    while time.thread_time() < until:
        pass


def test_threads_that_have_ended_are_not_forgotten() -> None:
    before = usage.cpu_seconds_of(os.getpid())

    thread = Thread(target=busy)
    thread.start()
    thread.join()

    assert usage.cpu_seconds_of(os.getpid()) - before >= 0.02


def test_children_belong_to_their_parent() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in usage.tree(os.getpid())
        assert usage.cpu_seconds(os.getpid()) >= usage.cpu_seconds_of(child.pid) >= 0
    finally:
        child.communicate(b"\n")


def test_a_process_that_has_gone_has_used_nothing_that_could_be_known() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()

    assert usage.cpu_seconds_of(gone.pid) == 0.0
