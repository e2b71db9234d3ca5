"""Loggers that raise are counted from LiteLLM's own log, which stays as quiet as it was."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from plugins.hooks.complaints import count_complaints


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    log = logging.getLogger("LiteLLM")
    level, filters = log.level, list(log.filters)
    yield log
    log.setLevel(level)
    log.filters[:] = filters


def complain(log: logging.Logger, what: str) -> None:
    log.error(what, exc_info=RuntimeError("broken"))


@pytest.mark.parametrize(("level", "shown"), [(logging.CRITICAL, 0), (logging.ERROR, 2)])
def test_what_a_logger_raised_is_noted_and_nothing_more_is_shown(
    log: logging.Logger, caplog: pytest.LogCaptureFixture, level: int, shown: int
) -> None:
    noted: list[str] = []
    log.addHandler(caplog.handler)
    log.setLevel(level)
    count_complaints(noted.append)

    complain(log, "LiteLLM.LoggingError: [Non-Blocking] Exception occurred while success logging")
    complain(log, "something else")
    log.removeHandler(caplog.handler)

    assert noted == ["RuntimeError('broken')"]
    assert len({id(each) for each in caplog.records}) == shown
