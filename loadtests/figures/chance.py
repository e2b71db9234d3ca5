"""Chances that decide: the binomial's and Student's, exact to about ten digits, by the incomplete beta. Pure."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import exp, lgamma, log, log1p

_TINY = 1e-300
_ENOUGH = 1e-14
_MOST_STEPS = 10_000


def at_most(seen: int, of: int, share: float) -> float:
    """How likely at most `seen` of `of` are what each is with the chance `share`."""
    if seen < 0:
        return 0.0
    if seen >= of or share <= 0:
        return 1.0
    return 0.0 if share >= 1 else beta(of - seen, seen + 1, 1 - share)


def at_least(seen: int, of: int, share: float) -> float:
    return 1.0 - at_most(seen - 1, of, share) if seen > 0 else 1.0


def share_between(seen: int, of: int, confidence: float) -> tuple[float, float]:
    """Clopper and Pearson's interval: which shares do not make what was seen a surprise."""
    if of == 0:
        return 0.0, 1.0
    tail = (1 - confidence) / 2
    low = 0.0 if seen == 0 else _root(lambda share: at_least(seen, of, share) - tail)
    high = 1.0 if seen == of else _root(lambda share: tail - at_most(seen, of, share))
    return low, high


def beyond_t(t: float, freedom: float) -> float:
    """How likely Student's t is at least so far from zero, on either side."""
    return beta(freedom / 2, 0.5, freedom / (freedom + t * t))


@cache
def t_beyond(chance: float, freedom: float) -> float:
    """The t that is exceeded on either side with that chance: the turn of `beyond_t`."""
    low, high = 0.0, 1.0
    while beyond_t(high, freedom) > chance:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if beyond_t(middle, freedom) > chance else (low, middle)
    return (low + high) / 2


def beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, by its continued fraction where that converges fast."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    """Lentz's way of evaluating it from the front."""
    c, d = 1.0, _off_zero(1 - (a + b) * x / (a + 1))
    d = 1 / d
    found = d
    for step in range(1, _MOST_STEPS):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        for term in (even, odd):
            d = 1 / _off_zero(1 + term * d)
            c = _off_zero(1 + term / c)
            found *= d * c
        if abs(d * c - 1) < _ENOUGH:
            break
    return found


def _off_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def _root(rising: Callable[[float], float]) -> float:
    """Where a function of a share that rises from below zero is zero."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2
