"""Who and what is let in: key, shape, model, body, limits, in the order in which each would be found out."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from simulator import catalog, refusals, strict, tiers
from simulator.answer import cached_tokens, max_tokens, prompt_tokens
from simulator.catalog import Model
from simulator.knobs import Knobs
from simulator.limiter import Limiter, Permit, Refused, reservation
from simulator.refusals import Refusal

Persona = Literal["cerebras", "openai"]


@dataclass(frozen=True, slots=True)
class Caller:
    key: str
    model: str

    @property
    def account(self) -> tuple[str, str]:
        """Limits are held per key and model."""
        return self.key, self.model


def bearer(headers: Mapping[str, str]) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def let_in(key: str, knobs: Knobs) -> bool:
    return bool(key) if knobs.api_key is None else key == knobs.api_key


def live(persona: Persona, knobs: Knobs) -> tuple[str, ...]:
    """Models that answer; for a provider that takes any model, those its list names."""
    if knobs.models or persona == "openai":
        return knobs.models
    return catalog.live_on(knobs.today or dt.datetime.now(dt.UTC).date())


def model_of(persona: Persona, name: str, knobs: Knobs) -> Model:
    model = catalog.describe(name)
    if persona == "openai":
        return replace(model, reasoning="never" if knobs.reasoning_field == "none" else "optional")
    return model


def admit(
    persona: Persona, caller: Caller, body: object, knobs: Knobs, limiter: Limiter, now: float
) -> Permit | Refusal:
    """A permit, or the first reason to say no."""
    if not let_in(caller.key, knobs):
        return refusals.WRONG_KEY
    misshapen = strict.shape(body)
    if misshapen or not isinstance(body, dict):
        return misshapen or refusals.invalid("body: a JSON object is required")
    refusal = _missing_model(persona, caller.model, knobs) or _prefilled(body, knobs)
    if not refusal and persona == "cerebras":
        refusal = strict.refusal(body, catalog.describe(caller.model), knobs)
    return refusal or _within_limits(caller, body, knobs, limiter, now)


def _missing_model(persona: Persona, name: str, knobs: Knobs) -> Refusal | None:
    known = live(persona, knobs)
    if name in knobs.unlisted or (name not in known and (known or persona == "cerebras")):
        return refusals.no_model(name, knobs.retired_status if name in catalog.MODELS else 404)
    return None


def _prefilled(body: dict[str, Any], knobs: Knobs) -> Refusal | None:
    if knobs.prefill or body["messages"][-1].get("role") != "assistant":
        return None
    return refusals.invalid("messages: the last message must not be the assistant's", "messages", "prefill_unsupported")


def _within_limits(
    caller: Caller, body: dict[str, Any], knobs: Knobs, limiter: Limiter, now: float
) -> Permit | Refusal:
    prompt = prompt_tokens(body)
    need = reservation(prompt, cached_tokens(prompt, knobs.cached_share), max_tokens(body), knobs.reserve_cap)
    outcome = limiter.admit(caller.account, tiers.limits(caller.model, knobs), need, now)
    return _over(outcome, knobs) if isinstance(outcome, Refused) else outcome


def _over(refused: Refused, knobs: Knobs) -> Refusal:
    limit = refused.limit
    refusal = refusals.too_many(limit.kind, limit.per, limit.bucket if knobs.name_bucket else "")
    if not knobs.limit_retry_after:
        return refusal
    return replace(refusal, headers={"retry-after": str(max(1, -int(-refused.seconds // 1)))})
