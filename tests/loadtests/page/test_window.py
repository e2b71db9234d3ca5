"""Locust counts from a test's beginning; its page is to show what happens now."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from loadtests.page.window import Window, at_shares
from loadtests.users.rows import is_of_the_target, name_of

values = st.lists(st.integers(0, 2000).map(float), max_size=60)


@given(values, st.floats(0.01, 1))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(seen: list[float], share: float) -> None:
    (found,) = at_shares(Counter(seen), [share])

    fitting = [value for value in seen if sum(each <= value for each in seen) >= share * len(seen)]
    assert found == min(fitting, default=None)


@given(st.lists(values, max_size=8))
def test_a_window_holds_what_came_within_it(batches: list[list[float]]) -> None:
    """Looks are 2 s apart, and it is 4 s long."""
    window, counted = Window(4), Counter[float]()
    shown = []
    for number, batch in enumerate(batches):
        counted.update(batch)
        shown.append(window.look(number * 2.0, {"row": counted.copy()})["row"])

    lately = [batches[max(0, number - 1) : number + 1] for number in range(len(batches))]
    assert shown == [Counter(value for batch in held for value in batch) for held in lately]


def test_a_new_test_begins_with_an_empty_window() -> None:
    window = Window(10)
    window.look(0, {"row": Counter({170.0: 5})})

    assert window.look(2, {"row": Counter({90.0: 2})})["row"] == Counter({90.0: 2})


def test_what_went_past_the_target_is_not_charted_as_the_target_s() -> None:
    assert [is_of_the_target(name_of("chat", way)) for way in ("target", "direct", "sdk")] == [True, False, False]
