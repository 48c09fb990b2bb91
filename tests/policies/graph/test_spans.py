"""Sets of numbers as runs behave as Python's own sets of the same numbers."""

from cloudpatterns_policies.graph.spans import Spans
from hypothesis import given
from hypothesis import strategies as st

RUNS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6)


def numbers(spans: Spans) -> set[int]:
    return {number for first, last in spans.runs for number in range(first, last + 1)}


def plain(runs: list[tuple[int, int]]) -> set[int]:
    return {number for first, last in runs for number in range(first, last + 1)}


@given(RUNS, RUNS)
def test_operations_are_those_of_sets(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    mine, theirs = Spans.of(left), Spans.of(right)
    assert numbers(mine) == plain(left)
    assert numbers(mine | theirs) == plain(left) | plain(right)
    assert numbers(mine & theirs) == plain(left) & plain(right)
    assert numbers(mine - theirs) == plain(left) - plain(right)
    assert mine.size == len(plain(left))
    assert bool(mine) == bool(plain(left))
    assert Spans.union([mine, theirs]) == mine | theirs


@given(RUNS, RUNS)
def test_equal_sets_are_equal_however_they_were_made(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> None:
    for made in (Spans.of(left) | Spans.of(right), Spans.of(left) & Spans.of(right), Spans.of(left) - Spans.of(right)):
        again = Spans.of((number, number) for number in numbers(made))
        assert (again, hash(again)) == (made, hash(made))
        assert all(last + 1 < first for (_, last), (first, _) in zip(made.runs, made.runs[1:], strict=False))
