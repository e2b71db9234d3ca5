"""For all tests: a busy machine is no reason for a property to fail, and in CI none is left out."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("skipped", []) if _all_are_wanted() else []:
        terminalreporter.write_line(f"left out, but every test is wanted here: {report.nodeid}", red=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and _all_are_wanted() and reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _all_are_wanted() -> bool:
    """Where a server or a browser is missing a test says so and is left out; CI has them all."""
    return os.environ.get("WAFERLINE_NO_TEST_LEFT_OUT") == "1"
