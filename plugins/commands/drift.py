"""Where the provider's listings and the catalog differ, and what that is worth. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import BaseModel

from plugins.policy.catalog import Catalog, Phase, Row, Stage, find, phase_on

PUBLIC = "GET /public/v1/models"
ACCOUNT = "GET /v1/models"
_SERVED = (Phase.LIVE, Phase.PREVIEW, Phase.DEPRECATED)
_MILLION = 1_000_000


class PublishedLimits(BaseModel):
    max_context_length: int | None = None
    max_completion_tokens: int | None = None
    requests_per_minute: int | None = None


class PublishedPrice(BaseModel):
    """Strings, in US dollars per token."""

    prompt: str | None = None
    completion: str | None = None


class Published(BaseModel):
    """What a listing says about one model. The account's own listing says the id and nothing more."""

    id: str
    deprecated: bool | None = None
    preview: bool | None = None
    limits: PublishedLimits | None = None
    pricing: PublishedPrice | None = None


@dataclass(frozen=True, slots=True)
class Listings:
    asked: Mapping[str, Mapping[str, Published]]  # by what was asked, then by model
    failures: tuple[str, ...] = ()
    keyless: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    model: str
    what: str
    meaning: str
    drift: bool = field(default=True)  # otherwise known, and worth saying

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def compare(catalog: Catalog, listings: Listings, today: date) -> list[Finding]:
    published: dict[str, Published] = {}
    for models in reversed(list(listings.asked.values())):  # the public listing comes first and knows most
        published |= models
    return [
        *(finding for model in published.values() for finding in _listed(catalog, model, today)),
        *_absent(catalog, listings, today),
    ]


def _listed(catalog: Catalog, model: Published, today: date) -> Iterator[Finding]:
    found = find(catalog, model.id)
    if found is None:
        yield Finding(model.id, "listed there, unknown here", "add a row to policies/models.yaml")
        return
    name, row = found
    phase = phase_on(row, today)
    if phase not in _SERVED:
        since = f" since {row.retires}" if row.retires else ""
        meaning = (
            "it may linger past its date or be back: see the deprecations page, then set answered_until or the stage"
        )
        yield Finding(name, f"listed there, {phase} here{since}", meaning)
    if model.deprecated and row.notice is None:
        yield Finding(
            name, "deprecated there, no notice here", "find the date on the deprecations page; metadata has none"
        )
    yield from _preview(name, row, model, phase)
    yield from _figures(name, row, model)


def _preview(name: str, row: Row, model: Published, phase: Phase) -> Iterator[Finding]:
    if model.preview and row.stage is not Stage.PREVIEW:
        yield Finding(name, "a preview there, not here", "previews go without notice: set stage: preview, if it is one")
    if model.preview is False and row.stage is Stage.PREVIEW and phase in _SERVED:
        meaning = "the flag has been wrong before (gemma-4-31b); the documentation decides"
        yield Finding(name, "a preview here, not there", meaning, drift=False)


def _figures(name: str, row: Row, model: Published) -> Iterator[Finding]:
    limits, pricing = model.limits or PublishedLimits(), model.pricing or PublishedPrice()
    free, paid = row.limits.free, row.limits.paid
    yield from _limit(name, "context", limits.max_context_length, free.context, paid.context)
    yield from _limit(name, "output", limits.max_completion_tokens, free.output, paid.output)
    yield from _limit(
        name, "requests_per_minute", limits.requests_per_minute, free.requests_per_minute, paid.requests_per_minute
    )
    if row.price:
        yield from _price(name, "input", pricing.prompt, row.price.input)
        yield from _price(name, "output", pricing.completion, row.price.output)


def _limit(name: str, what: str, there: int | None, free: int | None, paid: int | None) -> Iterator[Finding]:
    if there is None or there == paid:
        return
    if there == free:
        meaning = f"a paid account has {paid}" if paid else "the figure of a paid account is not known here"
        yield Finding(name, f"{what} {there} is published, the free trial's", meaning, drift=False)
    elif paid is None:
        meaning = "check it, then add it to policies/models.yaml"
        yield Finding(name, f"{what} {there} is published, nothing is known here", meaning, drift=False)
    else:
        yield Finding(name, f"{what} {there} there, {paid} here", "check the vendor's model page")


def _price(name: str, what: str, there: str | None, here: float | None) -> Iterator[Finding]:
    if there is None or here is None:
        return
    try:
        price = Decimal(there) * _MILLION
    except InvalidOperation:
        yield Finding(name, f"{what} price {there!r} is not a number", "see the vendor's pricing page")
        return
    if price != Decimal(str(here)):
        yield Finding(
            name,
            f"{what} price {price.normalize():f} there, {here:g} here",
            "check the vendor's pricing page; USD per M",
        )


def _absent(catalog: Catalog, listings: Listings, today: date) -> Iterator[Finding]:
    for name, row in catalog.models.items():
        lists = [asked for asked, models in listings.asked.items() if not {name, *row.also_written} & set(models)]
        phase = phase_on(row, today)
        if phase in _SERVED and lists:
            where = " and ".join(lists)
            meaning = "absence alone proves nothing: see the deprecations page, and whether the account may use it"
            yield Finding(name, f"{phase} here, absent from {where}", meaning)
