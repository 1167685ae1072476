"""The paper's Figure 4 from rows."""

import pytest

from cnntop.core.analysis.report.epoch_times import Workload, epoch_times
from tests.analysis.report.rows import papers, row, runs

GPU = {"device": "cuda:0", "device_name": "Some GPU"}


def test_the_papers_table_is_its_figure_4() -> None:
    table = epoch_times(papers())
    seconds = [
        [cell.mean if (cell := table.cells.get((setup, load))) else None
         for load in table.workloads]
        for setup in table.setups
    ]  # fmt: skip
    assert table.workloads == (
        Workload("resnet18", 32), Workload("resnet18", 128),
        Workload("shallow32", 32), Workload("shallow32", 128),
    )  # fmt: skip
    assert [(setup.machine, setup.trained_on) for setup in table.setups] == [
        ("A", "NVIDIA GTX 980"), ("A", "Intel i7 4790k"),
        ("B", "NVIDIA GTX 940M"), ("B", "Intel i7 5500U"),
    ]  # fmt: skip
    assert seconds == [
        [88.01, 95.08, 10.25, 7.02], [2833, 2570, 146, 152],
        [890, None, None, None], [4901, None, None, None],
    ]  # fmt: skip


def test_own_rows_come_first_each_by_machine_processors_dataset_and_variant() -> None:
    table = epoch_times(
        runs(
            row(epoch_seconds=4), row(epoch_seconds=3, threads=1),
            row(epoch_seconds=1, **GPU), row(epoch_seconds=2, host="b"),
            row(epoch_seconds=1, augment_on="device", **GPU), row(epoch_seconds=5, dataset="svhn"),
        )
    )  # fmt: skip
    own = [setup for setup in table.setups if not setup.is_papers]
    assert table.setups[: len(own)] == tuple(own)
    told = [(s.machine, s.trained_on, s.augmented_on, s.variant, s.dataset) for s in own]
    assert told == [
        ("b", "Some CPU", "Some CPU", "2 threads", "cifar10"),
        ("here", "Some GPU", "Some CPU", "", "cifar10"),
        ("here", "Some GPU", "Some GPU", "", "cifar10"),
        ("here", "Some CPU", "Some CPU", "1 thread", "cifar10"),
        ("here", "Some CPU", "Some CPU", "2 threads", "cifar10"),
        ("here", "Some CPU", "Some CPU", "2 threads", "svhn"),
    ]  # fmt: skip


def test_evaluation_is_part_of_an_epoch_so_that_how_much_of_it_is_told() -> None:
    more = {"evaluate_every": 5, "train__test_views": 6, "machine__speed": "fast"}
    [setup] = epoch_times(runs(row(epoch_seconds=1, **more))).setups
    assert setup.variant == "2 threads, speed fast, evaluated every 5, 6 test views"


def test_repeats_are_averaged_with_an_interval_from_three_on() -> None:
    rows = [row(epoch_seconds=seconds, seed=seconds) for seconds in (9, 10, 11)]
    [three] = epoch_times(runs(*rows)).cells.values()
    # Student's t of 0.975 with 2 degrees of freedom is 4.3027; deviation 1, three figures.
    assert three.mean == 10
    assert three.mean - (three.low or 0) == pytest.approx(4.3027 / 3**0.5, rel=1e-4)
    [two] = epoch_times(runs(*rows[:2])).cells.values()
    assert (two.mean, two.n, two.low) == (9.5, 2, None)


def test_models_stand_in_the_order_of_their_numbers() -> None:
    models = ("shallow128", "shallow16", "shallow8")
    table = epoch_times(runs(*(row(model=model, epoch_seconds=1) for model in models)))
    assert [load.model for load in table.workloads] == ["shallow8", "shallow16", "shallow128"]


def test_what_is_left_out_is_counted() -> None:
    table = epoch_times(runs(row(), row(epoch_seconds="nan"), row(epoch_seconds=1, fixes="x")))
    assert (table.cells, table.unmeasured, table.changed) == ({}, 2, 1)
