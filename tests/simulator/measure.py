"""How much the simulator costs and how well it keeps time: `python -m tests.simulator.measure --streams 64`.

The client only counts bytes, in this process; the simulator runs in its own. Not a test: a busy machine would fail it.
"""

import argparse
import json
import os
import selectors
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Stream:
    sock: socket.socket
    asked: float = 0.0
    first: float | None = None
    tail: bytes = b""


def request(tokens: int) -> bytes:
    body = json.dumps(
        {"model": "gpt-oss-120b", "stream": True, "max_tokens": tokens, "messages": [{"role": "user", "content": "go"}]}
    ).encode()
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer key\r\n"
        b"content-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    )


def cpu_seconds(process: int) -> float:
    """User and system time, from the kernel's own account of the process."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(port: int, streams: int, tokens: int, seconds: float) -> tuple[list[float], list[float]]:
    """First-token and decode seconds of every answer that ended within the time."""
    ask = request(tokens)
    selector = selectors.EpollSelector()
    began = time.perf_counter()
    late = [Stream(socket.create_connection(("127.0.0.1", port))) for _ in range(streams)]
    firsts, decodes = [], []
    end = began + seconds
    while time.perf_counter() < end:
        # Streams begin one after another over one answer's time: in step they would all write in the same tick.
        if late and time.perf_counter() - began > (streams - len(late)) * 0.6 / streams:
            stream = late.pop()
            selector.register(stream.sock, selectors.EVENT_READ, stream)
            stream.asked = time.perf_counter()
            stream.sock.sendall(ask)
        for key, _ in selector.select(0.002 if late else 1):
            stream = key.data
            data = stream.sock.recv(65536)
            now = time.perf_counter()
            stream.first = stream.first or now
            stream.tail = (stream.tail + data)[-32:]
            if stream.tail.endswith(b"0\r\n\r\n"):
                firsts.append(stream.first - stream.asked)
                decodes.append(now - stream.first)
                stream.first, stream.tail, stream.asked = None, b"", time.perf_counter()
                stream.sock.sendall(ask)
    return firsts, decodes


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    options, flags = parser.parse_known_args()
    command = [sys.executable, "-m", "simulator", f"--tokens={options.tokens}", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().rpartition(":")[2])
        run(port, 2, options.tokens, 1.0)
        before, began = cpu_seconds(process.pid), time.perf_counter()
        firsts, decodes = run(port, options.streams, options.tokens, options.seconds)
        after, took = cpu_seconds(process.pid), time.perf_counter() - began
        process.terminate()
    cores = (after - before) / took
    first_ms = sorted(value * 1000 for value in firsts)
    speeds = [options.tokens / value for value in decodes]
    sys.stdout.write(
        f"{options.streams} streams, {len(firsts)} answers of {options.tokens} tokens: {cores:.2f} core, "
        f"first token p50 {statistics.median(first_ms):.1f} ms, p99 {first_ms[int(len(first_ms) * 0.99)]:.1f} ms, "
        f"{statistics.median(speeds):.0f} tokens/s p50, {min(speeds):.0f} least, "
        f"{cores * took / (len(firsts) * options.tokens) * 1e6:.2f} us per token\n"
    )


if __name__ == "__main__":
    main()
