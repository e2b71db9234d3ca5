"""LiteLLM's application. It loads us before its own hooks and settings, so that the first request does the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from plugins.front.asgi import App, Receive, Scope, Send

Cut = Callable[[], None]


class UnfamiliarError(Exception):
    """LiteLLM is not what a cut was made for: in half a sentence, what is different."""


class WithoutIdleWork:
    """`cuts` are made once, each by itself: one that does not fit is left out, and `left_out` is told which and why."""

    def __init__(self, app: App, cuts: Mapping[str, Cut], left_out: Callable[[str, str], None]) -> None:
        self._app = app
        self._cuts = dict(cuts)
        self._left_out = left_out

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._cuts and scope["type"] == "http":
            cuts, self._cuts = self._cuts, {}
            for name, cut in cuts.items():
                self._make(name, cut)
        await self._app(scope, receive, send)

    def _make(self, name: str, cut: Cut) -> None:
        try:
            cut()
        except Exception as error:  # noqa: BLE001  without it everything works, and more slowly
            self._left_out(name, str(error) if isinstance(error, UnfamiliarError) else repr(error))
