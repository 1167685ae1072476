"""Successive halving: who goes on, decided by the results alone."""

import pytest

from cnntop.core.sweep.definition import Definition, Draft
from cnntop.core.sweep.halving import cut, due, rungs, survivors
from cnntop.core.sweep.progress import PointState, PointStatus, SweepState
from cnntop.core.sweep.ranking import ranking

EPOCHS = 9


def definition(seeds: int = 1) -> Definition:
    draft = Draft(
        preset="demo", grid={"model.kernels": list(range(1, 10))}, seeds=seeds, halving=3,
        settings={"train.epochs": EPOCHS},
    )  # fmt: skip
    return draft.definition()


def sweep(*states: PointState, seeds: int = 1) -> SweepState:
    """With those given; all other points are to come."""
    made = definition(seeds)
    given = {state.point.number: state for state in states}
    return SweepState(made, tuple(given.get(p.number, PointState(p)) for p in made.points()))


def point(
    number: int, *accuracies: float, seeds: int = 1, status: PointStatus = "finished"
) -> PointState:
    """The point's state with an accuracy for each epoch that it has trained."""
    one = definition(seeds).points()[number - 1]
    evaluations = tuple(enumerate(accuracies, 1))
    return PointState(one, status, evaluations=evaluations, epochs=float(len(accuracies)))


def first_rung(**other: PointState) -> list[PointState]:
    """Nine points after an epoch: the higher the number the better."""
    return [other.get(f"p{n}", point(n, n / 10)) for n in range(1, 10)]


@pytest.mark.parametrize(
    ("epochs", "eta", "places", "expected"),
    [
        (9, 3, 9, [1, 3, 9]),
        (10, 2, 4, [3, 5, 10]),
        (100, 3, 4, [12, 34, 100]),
        (2, 3, 27, [1, 2]),
        (1, 3, 9, [1]),
        (9, 3, 1, [9]),
    ],
)
def test_rungs(epochs: int, eta: int, places: int, expected: list[int]) -> None:
    assert rungs(epochs, eta, places) == expected


def test_the_best_go_on_and_of_equals_the_first() -> None:
    assert survivors({"a": 0.1, "b": 0.3, "c": 0.3, "d": 0.2}, 4) == ["b"]
    assert survivors({"a": 0.1, "b": 0.3, "c": 0.3, "d": None}, 2) == ["b", "c"]
    assert survivors({"a": None, "b": None}, 2) == []


def test_nobody_goes_on_before_all_have_come_to_the_rung() -> None:
    states = first_rung(p4=point(4, 0.4, status="interrupted"))
    # Interrupted after its evaluation, it has what the rung wants to know.
    assert [one.epochs for one in due(sweep(*states))] == [3, 3, 3]
    waiting = due(sweep(*first_rung(p4=point(4, status="running"))))
    assert [(one.state.point.number, one.epochs) for one in waiting] == [(4, 1)]


def test_the_best_third_goes_on_each_time() -> None:
    states = first_rung()
    assert [(d.state.point.number, d.epochs) for d in due(sweep(*states))] == [
        (7, 3),
        (8, 3),
        (9, 3),
    ]
    assert cut(sweep(*states)) == {f"kernels={n}": 1 for n in range(1, 7)}
    states[6:] = [point(7, 0.7, 0.8, 0.99), point(8, 0.8, 0.8, 0.8), point(9, 0.9, 0.9, 0.9)]
    [last] = due(sweep(*states))
    assert (last.state.point.number, last.epochs) == (7, 9)
    assert cut(sweep(*states))["kernels=9"] == 3
    states[6] = point(7, 0.7, 0.8, 0.99, *[0.5] * 6)
    assert due(sweep(*states)) == []


def test_a_decision_stands_whatever_those_who_went_on_reach_later() -> None:
    states = first_rung()
    before = cut(sweep(*states))
    states[6] = point(7, 0.7, 0.01, status="interrupted")  # in the middle of the next rung
    states[8] = point(9, 0.9, 0.01, 0.01)
    assert cut(sweep(*states)) == before
    assert [(d.state.point.number, d.epochs) for d in due(sweep(*states))] == [(7, 3), (8, 3)]


def test_one_that_failed_holds_nobody_up_and_may_be_tried_again() -> None:
    failed = point(9, status="failed")
    found = due(sweep(*first_rung(p9=failed)))
    assert [(d.state.point.number, d.epochs) for d in found] == [(9, 1), (6, 3), (7, 3), (8, 3)]
    assert cut(sweep(*first_rung(p9=failed)))["kernels=9"] == 1


@pytest.mark.parametrize("status", ["diverged", "stopped"])
def test_one_that_came_to_nothing_is_cut_and_not_tried_again(status: PointStatus) -> None:
    states = first_rung(p9=point(9, status=status))
    assert 9 not in [one.state.point.number for one in due(sweep(*states))]


def test_seeds_are_decided_upon_together() -> None:
    states = [point(n, n / 10, seeds=2) for n in range(1, 10)]
    states += [point(9 + n, (10 - n) / 10 if n != 9 else 0.95, seeds=2) for n in range(1, 10)]
    # Means are 0.5 for all but the ninth; of equals the first go on.
    found = due(sweep(*states, seeds=2))
    assert [one.state.point.number for one in found] == [1, 2, 9, 10, 11, 18]


def test_the_ranking_has_the_cut_after_those_that_went_on() -> None:
    states = first_rung(p1=point(1, 0.05))
    states[6:] = [point(7, 0.7, 0.7, 0.7), point(8, 0.8, 0.1, 0.75), point(9, 0.9, 0.9, 0.2)]
    ranked = ranking(sweep(*states))
    assert [one.cell for one in ranked[:4]] == ["kernels=9", "kernels=8", "kernels=7", "kernels=6"]
    assert [one.cut_after for one in ranked[:4]] == [None, 3, 3, 1]
