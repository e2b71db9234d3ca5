"""Policies while the gateway runs: read again when a file changes, swapped whole, and never for a set that is bad."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from plugins.config import deployments
from plugins.config.checking import check_against
from plugins.config.files import FILES, PolicySet, shown
from plugins.config.problem import Problem, in_order, stopping
from plugins.policy.engine import Policies

POLL_SECONDS = 0.5

Stamp = tuple[tuple[str, int, int], ...]
Event = dict[str, Any]


class PolicyStore:
    """Holds the set in force. Requests take `current` once and keep it to their end."""

    def __init__(
        self,
        directory: Path,
        litellm_config: Path,
        environment: dict[str, str],
        today: Callable[[], date],
        tell: Callable[[Event], None],
    ) -> None:
        self._directory = directory
        self._litellm_config = litellm_config
        self._environment = environment
        self._today = today
        self._tell = tell
        self._stamp = self._look()
        self._rejected: list[Problem] = []
        self._config_stamp = self._look_at(litellm_config)
        self.document, unreadable = deployments.load(litellm_config)
        if unreadable:
            raise BadPoliciesError(unreadable)
        loaded, problems = self._read()
        if loaded.policies is None or stopping(problems):
            raise BadPoliciesError(stopping(problems))
        self.current: Policies = loaded.policies
        self._tell_of(problems)

    def status(self) -> dict[str, Any]:
        return {
            "policies": shown(self._directory),
            "version": self.current.version,
            "rejected": [str(problem) for problem in self._rejected],
            "doubtful": [str(problem) for problem in self._accepted],
            "restart_needed": self._look_at(self._litellm_config) != self._config_stamp,
        }

    async def watch(self) -> None:
        """Runs as long as the process. Reading takes a thread, for YAML is slow and tokens are not."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await asyncio.to_thread(self.refresh)
            except Exception as error:  # noqa: BLE001  whatever it is, the next edit deserves another look
                self._tell({"event": "policies.unreadable", "kept": self.current.version, "error": repr(error)})

    def refresh(self) -> None:
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        loaded, problems = self._read()
        bad = stopping(problems)
        if loaded.policies is None or bad:
            self._rejected = bad
            self._tell({"event": "policies.rejected", "kept": self.current.version, "problems": [str(p) for p in bad]})
        elif loaded.policies.version != self.current.version or self._rejected:
            self._rejected = []
            before, self.current = self.current.version, loaded.policies
            self._tell({"event": "policies.loaded", "version": self.current.version, "before": before})
            self._tell_of(problems)

    def _tell_of(self, problems: list[Problem]) -> None:
        """What need not stop the gateway, but should not wait for the next `waferline check` either."""
        self._accepted = problems
        if problems:
            self._tell({"event": "policies.doubtful", "problems": [str(problem) for problem in problems]})

    def _read(self) -> tuple[PolicySet, list[Problem]]:
        loaded, problems = check_against(self.document, self._directory, self._environment, self._today())
        return loaded, in_order(problems)

    def _look(self) -> Stamp:
        return tuple(self._look_at(self._directory / f"{stem}.yaml") for stem in FILES)

    @staticmethod
    def _look_at(path: Path) -> tuple[str, int, int]:
        try:
            status = path.stat()
        except OSError:
            return (path.name, 0, 0)
        return (path.name, status.st_mtime_ns, status.st_size)


class BadPoliciesError(Exception):
    """The gateway must not start on policies that nobody can vouch for."""

    def __init__(self, problems: list[Problem]) -> None:
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"the policies are not valid, so the gateway does not start:\n{lines}")
        self.problems = problems
