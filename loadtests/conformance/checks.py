"""What the provider's log and the answers must show. Pure: each check says what is wrong, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from loadtests.conformance.answer import Answer, End


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt, as the provider noted it."""

    at: float
    fault: str = "none"
    ended: str | None = "whole"
    model: str = ""
    prefill: bool = False  # the conversation ended with the assistant's own words


@dataclass(frozen=True, slots=True)
class Seen:
    answers: tuple[Answer, ...]
    primary: tuple[Call, ...]
    fallback: tuple[Call, ...]
    alive: bool = True  # a healthy request afterwards was answered


class By(StrEnum):
    """Whose check it is."""

    BOTH = "both"
    OURS = "ours"
    LETTER = "letter"


@dataclass(frozen=True, slots=True)
class Check:
    kind: str
    value: float | str = 0
    must: bool = False  # not kept: fail. Otherwise: partial
    by: By = By.BOTH


def complaint(check: Check, seen: Seen) -> str | None:
    return _KINDS[check.kind](seen, check.value)


def _attempts_most(seen: Seen, value: float | str) -> str | None:
    calls = len(seen.primary)
    return f"{calls} attempts at the primary" if calls > float(value) else None


def _attempts_least(seen: Seen, value: float | str) -> str | None:
    return "the primary was not tried again" if len(seen.primary) < float(value) else None


def _gap_least(seen: Seen, value: float | str) -> str | None:
    """Between what failed and the next attempt; none at all keeps any distance."""
    if len(seen.primary) < 2:
        return None
    gap = seen.primary[1].at - seen.primary[0].at
    return f"tried again after {gap:.2f} s, told {float(value):g} s" if gap < float(value) * 0.95 else None


def _seconds_most(seen: Seen, value: float | str) -> str | None:
    slowest = max(answer.seconds for answer in seen.answers)
    return f"took {slowest:.1f} s" if slowest > float(value) else None


def _usage(seen: Seen, value: float | str) -> str | None:
    del value
    return None if all(answer.usage for answer in seen.answers) else "no usage"


def _told_model(seen: Seen, value: float | str) -> str | None:
    """In the answer itself."""
    names = {answer.model for answer in seen.answers}
    return None if names == {str(value)} else f"the answer says it came from {', '.join(sorted(names))}"


def _told(seen: Seen, value: float | str) -> str | None:
    """In the answer or in a header."""
    wrong = [each for each in seen.answers if str(value) not in f"{each.model} {each.deployment}"]
    return "nothing says that the fallback served" if wrong else None


def _reason(seen: Seen, value: float | str) -> str | None:
    # LiteLLM puts the status into `code` and the provider's reason into the message.
    told = [f"{answer.code} {answer.message}".lower() for answer in seen.answers]
    return None if all(str(value) in each for each in told) else "the provider's reason is lost"


def _no_fallback(seen: Seen, value: float | str) -> str | None:
    del value
    return "sent to the fallback as well" if seen.fallback else None


def _alive(seen: Seen, value: float | str) -> str | None:
    del value
    return None if seen.alive else "did not answer a healthy request afterwards"


def _no_masking(seen: Seen, value: float | str) -> str | None:
    del value
    refused = any(call.prefill for call in seen.fallback)
    return "the refused prefill hides what happened" if refused and seen.answers[0].end != End.WHOLE else None


def _served_in_outage(seen: Seen, value: float | str) -> str | None:
    lost = sum(answer.end != End.WHOLE for answer in seen.answers if answer.asked_at < float(value))
    return f"{lost} requests lost while it was down" if lost else None


def _back_within(seen: Seen, value: float | str) -> str | None:
    """After the first attempt's outage of twice `value`; the primary is back when it has served something."""
    served = [call.at for call in seen.primary if call.fault == "none" and call.ended == "whole"]
    if not served:
        return "never went back to the primary"
    late = served[0] - seen.primary[0].at - 2 * float(value)
    return f"back at the primary {late:.1f} s after it was" if late > float(value) else None


def _calls_in_outage_most(seen: Seen, value: float | str) -> str | None:
    calls = sum(call.fault != "none" for call in seen.primary)
    return f"{calls} calls while it was down" if calls > float(value) else None


def _model_served(seen: Seen, value: float | str) -> str | None:
    served = any(call.model == value and call.ended == "whole" for call in seen.primary)
    return None if served else f"{value} was not asked of the primary, which serves it"


_KINDS: dict[str, Callable[[Seen, float | str], str | None]] = {
    "attempts_most": _attempts_most,
    "attempts_least": _attempts_least,
    "gap_least": _gap_least,
    "seconds_most": _seconds_most,
    "usage": _usage,
    "told_model": _told_model,
    "told": _told,
    "reason": _reason,
    "no_fallback": _no_fallback,
    "alive": _alive,
    "no_masking": _no_masking,
    "served_in_outage": _served_in_outage,
    "back_within": _back_within,
    "calls_in_outage_most": _calls_in_outage_most,
    "model_served": _model_served,
}
KINDS = frozenset(_KINDS)
