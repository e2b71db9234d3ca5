"""Parts of a streamed answer past uvicorn's `send`, which for each of them asks anew what does not change."""

from __future__ import annotations

from collections.abc import Callable

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from plugins.front.asgi import Send

Write = Callable[[bytes], bool]


def straight(send: Send) -> Write:
    """Writes a part of an answer that goes on; False where it did not, and `send` has to see to it."""
    cycle = getattr(send, "__self__", None)
    if not isinstance(cycle, RequestResponseCycle):
        return _never
    flow, write = cycle.flow, cycle.transport.write

    def written(part: bytes) -> bool:
        if not part or flow.write_paused or cycle.disconnected or not cycle.chunked_encoding:
            return False
        write(b"%x\r\n%b\r\n" % (len(part), part))
        return True

    return written


def _never(_: bytes) -> bool:
    return False
