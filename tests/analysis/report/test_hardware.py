"""One speed a processor: ratios that agree with each other, and none that nobody measured."""

import itertools
import math
import random

import pytest

from cnntop.core.analysis.report.hardware import Hardware, Processor, hardware
from tests.analysis.report.rows import Row, papers, row, runs


def on(processor: str, speed: float | str, **more: object) -> Row:
    return row(device="cuda:0", device_name=processor, images_per_second=speed, **more)


def processor(found: Hardware, name: str) -> Processor:
    [one] = [one for one in found.processors if one.name == name]
    return one


def ratio(found: Hardware, one: str, other: str) -> float | None:
    return found.ratio(processor(found, one), processor(found, other))


def test_the_papers_figure_4() -> None:
    """By hand: the processors of B are in one setting (ResNet, 32) only and fit exactly, whatever
    the rest, so that between the two of A stand four settings: the geometric mean of 146/10.25,
    152/7.02, 2833/88.01 and 2570/95.08."""
    found = hardware(papers())
    [group] = found.groups
    gpu_over_cpu = (146 / 10.25 * 152 / 7.02 * 2833 / 88.01 * 2570 / 95.08) ** 0.25
    assert gpu_over_cpu == pytest.approx(22.76, abs=0.005)
    assert ratio(found, "NVIDIA GTX 980", "Intel i7 4790k") == pytest.approx(gpu_over_cpu)
    # In that setting the two of A are off their ratio by 32.19 / 22.76, half of it (in logarithms)
    # each, and B's are compared with what is between.
    off = math.sqrt(2833 / 88.01 / gpu_over_cpu)
    assert ratio(found, "NVIDIA GTX 980", "NVIDIA GTX 940M") == pytest.approx(890 / 88.01 / off)
    assert ratio(found, "Intel i7 4790k", "Intel i7 5500U") == pytest.approx(4901 / 2833 * off)
    assert ratio(found, "NVIDIA GTX 940M", "Intel i7 5500U") == pytest.approx(4901 / 890)
    # Four deviations from the mean logarithm, half to each of the two; 10 figures, 4 processors
    # and 4 settings of which one is free to choose.
    logs = [math.log(one) for one in (146 / 10.25, 152 / 7.02, 2833 / 88.01, 2570 / 95.08)]
    squares = sum((log - math.log(gpu_over_cpu)) ** 2 for log in logs) / 2
    assert group.freedom == 3
    assert group.spread == pytest.approx(math.exp(math.sqrt(squares / 3)))
    shared = [found.shared_settings(*pair) for pair in itertools.combinations(group.processors, 2)]
    assert sorted(shared) == [1, 1, 1, 1, 1, 4]


@pytest.mark.parametrize("seed", range(20))
def test_ratios_agree_with_each_other(seed: int) -> None:
    draw = random.Random(seed)
    rows = [
        on(name, math.exp(draw.uniform(-9, 9)), model=f"shallow{kernels}", batch_size=size)
        for name in "ABCDEF"
        for kernels in (8, 16)
        for size in (32, 64, 128)
        if draw.random() < 0.4
    ]
    found = hardware(runs(*rows))
    for group in found.groups:
        for one, other, third in itertools.permutations(group.processors, 3):
            ratios = found.ratio(one, other), found.ratio(other, third), found.ratio(one, third)
            assert all(ratios)
            assert ratios[0] * ratios[1] == pytest.approx(ratios[2])  # type: ignore[operator]
    for one, other in itertools.combinations(found.processors, 2):
        if found.shared_settings(one, other):
            assert found.ratio(one, other) is not None


def test_where_speeds_are_products_they_are_found_exactly() -> None:
    speed, ease = {"A": 8.0, "B": 2.0, "C": 0.5}, {8: 100.0, 16: 30.0, 32: 7.0}
    rows = [on(name, own * easy, model=f"shallow{kernels}")
            for name, own in speed.items() for kernels, easy in ease.items()
            if (name, kernels) not in {("A", 8), ("C", 16), ("C", 32)}]  # fmt: skip
    found = hardware(runs(*rows))
    assert ratio(found, "A", "C") == pytest.approx(16)  # which share nothing, but B with both
    assert found.shared_settings(processor(found, "A"), processor(found, "C")) == 0
    assert found.groups[0].spread == pytest.approx(1)
    assert found.groups[0].freedom == 1


def test_two_with_one_setting_have_a_ratio_and_no_spread() -> None:
    found = hardware(runs(on("A", 30), on("B", 10), on("B", 99, batch_size=64)))
    assert ratio(found, "A", "B") == pytest.approx(3)
    assert found.groups[0].spread is None


@pytest.mark.parametrize(
    "other",
    [
        {"batch_size": 64}, {"model": "shallow64"}, {"dataset": "svhn"}, {"precision": "bf16"},
        {"passes": 2}, {"augment": "crop"},
    ],
)  # fmt: skip
def test_nothing_is_guessed_where_the_work_differs(other: Row) -> None:
    found = hardware(runs(on("A", 30), on("B", 10, **other)))
    assert found.groups == ()
    assert [one.name for one in found.alone] == ["A", "B"]
    assert ratio(found, "A", "B") is None


def test_groups_that_nothing_connects_stay_apart() -> None:
    found = hardware(
        runs(on("A", 4), on("B", 2), on("C", 9, batch_size=8), on("D", 3, batch_size=8))
    )
    assert [len(group.processors) for group in found.groups] == [2, 2]
    assert ratio(found, "A", "C") is None
    assert ratio(found, "C", "D") == pytest.approx(3)


def test_datasets_may_differ_if_that_is_asked_for() -> None:
    rows = runs(on("A", 30), on("B", 10, dataset="svhn"))
    assert ratio(hardware(rows, any_dataset=True), "A", "B") == pytest.approx(3)


def test_the_fastest_place_of_augmentation_counts_and_repeats_are_averaged() -> None:
    found = hardware(
        runs(
            on("A", 10), on("A", 40), on("A", 5, augment_on="loader"),
            on("B", 1, augment_on="device"),
        )
    )  # fmt: skip
    assert ratio(found, "A", "B") == pytest.approx(20)


def test_threads_make_another_processor() -> None:
    found = hardware(runs(row(images_per_second=20), row(images_per_second=11, threads=1)))
    [group] = found.groups
    assert [one.threads for one in group.processors] == ["2 threads", "1 thread"]
    assert found.ratio(*group.processors) == pytest.approx(20 / 11)


def test_what_is_left_out_is_counted() -> None:
    found = hardware(runs(on("A", "nan"), on("A", 1, fixes="x")))
    assert (found.processors, found.unmeasured, found.changed) == ((), 1, 1)
