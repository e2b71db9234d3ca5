"""Charts for Locust's page: a script in it, and what the script draws."""

from __future__ import annotations

import time
from collections import Counter, deque
from pathlib import Path
from typing import Any

import gevent
from flask import Blueprint, Response, jsonify, request

from loadtests.page.figures import CHARTED
from loadtests.page.window import Tables, Window, at_shares
from loadtests.users.rows import is_of_the_target

EVERY_SECONDS = 2.0
WINDOW_SECONDS = 10.0  # as Locust's own charts
MOST_POINTS = 1800  # an hour
_SCRIPT = (Path(__file__).parent / "assets" / "streams.js").read_text(encoding="utf-8")
_TAG = b'<script src="./streams.js"></script></body>'


class Series:
    """Of a test, as its page draws it."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment
        self.restart()

    def restart(self, **_: Any) -> None:
        self._window = Window(WINDOW_SECONDS)
        self._points: deque[tuple[float, list[list[float | None]]]] = deque(maxlen=MOST_POINTS)

    def watch(self) -> None:
        while True:
            gevent.sleep(EVERY_SECONDS)
            if self._environment.runner is not None and self._environment.runner.state in ("running", "spawning"):
                self.look()

    def look(self) -> None:
        seen = self._window.look(time.monotonic(), _tables(self._environment.stats))
        values = [at_shares(seen[each.row], each.shares) for each in CHARTED]
        self._points.append((time.time(), values))

    def told(self) -> dict[str, Any]:
        charts = [
            {
                "title": each.title,
                "lines": [
                    {"name": name, "values": [values[place][line] for _, values in self._points]}
                    for line, name in enumerate(each.lines)
                ],
            }
            for place, each in enumerate(CHARTED)
        ]
        return {"times": [round(at, 1) for at, _ in self._points], "charts": charts}


def _tables(stats: Any) -> Tables:
    """Of all workloads together; what went past the target is not the target's."""
    found: dict[str, Counter[float]] = {each.row: Counter() for each in CHARTED}
    for (name, row), entry in list(stats.entries.items()):
        if row in found and is_of_the_target(name):
            found[row].update(entry.response_times)
    return found


def mount(environment: Any) -> None:
    web_ui = environment.web_ui
    series = Series(environment)
    environment.events.test_start.add_listener(series.restart)
    gevent.spawn(series.watch)
    routes = Blueprint("waferline", __name__, url_prefix=environment.parsed_options.web_base_path or None)

    def script() -> Response:
        return Response(_SCRIPT, mimetype="text/javascript")

    def streams() -> Response:
        return jsonify(series.told())

    def add_script(response: Response) -> Response:
        if request.endpoint == "locust.index" and response.mimetype == "text/html":
            response.set_data(response.get_data().replace(b"</body>", _TAG))
        return response

    routes.add_url_rule("/streams.js", view_func=script)
    routes.add_url_rule("/streams.json", view_func=web_ui.auth_required_if_enabled(streams))
    web_ui.app.register_blueprint(routes)
    web_ui.app.after_request(add_script)
