"""Figures for a table that lists each value it has seen. Pure."""


def three_digits(value: float) -> int:
    step = 1
    while value >= step * 1000:
        step *= 10
    return round(value / step) * step
