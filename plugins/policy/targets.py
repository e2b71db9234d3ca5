"""What litellm_config.yaml declares, in our words: the targets behind each model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

CEREBRAS = "cerebras"


@dataclass(frozen=True, slots=True)
class Target:
    """One deployment: a provider, its model id and its credential, which is what one attempt calls."""

    deployment: str
    model: str
    provider: str
    upstream_model: str
    order: int = 1
    missing: tuple[str, ...] = ()  # environment variables it needs that are not set

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
