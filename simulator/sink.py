"""What playback asks of a connection."""

from typing import Protocol


class Sink(Protocol):
    full: bool

    def write(self, data: bytes) -> None: ...
    def done(self) -> None:
        """The reply is whole; the connection may carry the next request."""

    def close(self) -> None: ...
    def reset(self) -> None: ...
