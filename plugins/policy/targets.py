"""What litellm_config.yaml declares, in our words: the targets behind each model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

CEREBRAS = "cerebras"
NO_KEY = "none"  # for servers that want none; something has to be sent


@dataclass(frozen=True, slots=True)
class Target:
    """One deployment: a provider, its model id and its credential, which is what one attempt calls."""

    deployment: str
    model: str
    provider: str
    upstream_model: str
    order: int = 1
    missing: tuple[str, ...] = ()  # environment variables it needs that are not set
    base: str = ""  # as written, like the credential: enough to tell one from another
    credential: str = field(default="", repr=False)

    @property
    def called(self) -> tuple[str, str, str, str]:
        """What a call comes down to. Two rows that agree here are one target."""
        return self.provider, self.base, self.credential, self.upstream_model

    def as_dict(self) -> dict[str, object]:
        names = ("deployment", "model", "provider", "upstream_model", "order")
        return {**{name: getattr(self, name) for name in names}, "missing": list(self.missing)}

    @property
    def ready(self) -> bool:
        return not self.missing


class Deployed:
    """All targets of one configuration, by model and by deployment id."""

    def __init__(self, targets: Iterable[Target]) -> None:
        by_order = sorted(targets, key=lambda target: target.order)
        self.by_deployment = {target.deployment: target for target in by_order}
        self.by_model: dict[str, tuple[Target, ...]] = {}
        for target in by_order:
            self.by_model[target.model] = (*self.by_model.get(target.model, ()), target)

    def of(self, model: str) -> tuple[Target, ...]:
        return self.by_model.get(model, ())

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(self.by_model)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a target is called, and the key that is shown to nobody."""

    url: str
    key: str = field(default=NO_KEY, repr=False)


def chat_address(url: str) -> str:
    """People leave /v1 out of a base as often as not; no provider serves chat without it."""
    parts = urlsplit(url)
    return url if parts.path != "/chat/completions" else urlunsplit(parts._replace(path="/v1/chat/completions"))
