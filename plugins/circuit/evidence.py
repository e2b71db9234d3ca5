"""Whose requests failed at a target, and whose were served. Pure.

A prompt that crashes a model would take the model from everybody, were the one client that sends it believed. So one
client's failures count for little while the target serves another. Where there is but one client, it is believed: there
is nobody else to ask. What no request can have caused, such as a connection that is refused, counts whoever saw it.
"""

from __future__ import annotations

NO_REQUEST = None  # said in place of a client's name where no request can have caused it


class Evidence:
    __slots__ = ("_failed", "_served")

    def __init__(self) -> None:
        self._failed: dict[str | None, float] = {}  # when each was last
        self._served: dict[str | None, float] = {}

    def failed(self, client: str | None, now: float) -> None:
        self._failed[client] = now

    def served(self, client: str | None, now: float) -> None:
        self._served[client] = now

    def suffices(self, since: float) -> bool:
        """Whether there is more to it than one client's own trouble."""
        failed = [client for client, at in self._failed.items() if at > since]
        if len(failed) != 1 or failed[0] is NO_REQUEST:
            return True
        return not any(at > since and client != failed[0] for client, at in self._served.items())
