"""Loggers that raise: LiteLLM goes on without them and says so in a log of its own, which is where they are counted."""

from __future__ import annotations

import logging
from collections.abc import Callable

_SAID = "LiteLLM.LoggingError"


class _Complaints(logging.Filter):
    def __init__(self, note: Callable[[str], None], above: int) -> None:
        super().__init__()
        self._note = note
        self._above = above

    def filter(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(_SAID):
            error = record.exc_info[1] if record.exc_info else None
            self._note(repr(error) if error else record.getMessage())
        return record.levelno >= self._above


def count_complaints(note: Callable[[str], None]) -> None:
    """What was kept quiet stays quiet, but is heard here."""
    log = logging.getLogger("LiteLLM")
    log.addFilter(_Complaints(note, log.level))
    log.setLevel(min(log.level, logging.ERROR))
