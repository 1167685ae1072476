"""What a report makes of a row, whatever is missing or wrong in it."""

import pytest

from cnntop.core.analysis.report.measured import (
    by_seed,
    measured_runs,
    number,
)
from tests.analysis.report.rows import papers, row, runs


@pytest.mark.parametrize("text", ["", "nan", "inf", "-inf", "-1", "11", "soon", "1e999", None])
def test_what_cannot_have_been_measured_is_none(text: str | None) -> None:
    assert number(text, 0, 10) is None


def test_a_cell_is_a_number_up_to_its_limits() -> None:
    assert [number(text, 0, 10) for text in ("0", "10", "1e-3")] == [0, 10, 0.001]


def test_damaged_cells_are_not_measured_and_the_others_stay() -> None:
    [run] = runs(row(epoch_seconds="0", images_per_second="nan", wait_fraction="2",
                     test_accuracy="0.5", seconds="-3"))  # fmt: skip
    assert run.epoch_seconds is run.images_per_second is run.wait_fraction is run.seconds is None
    assert run.test_accuracy == 0.5


@pytest.mark.parametrize("missing", ["batch_size", "model", "device_name"])
def test_a_row_that_says_not_what_was_trained_where_is_left_out(missing: str) -> None:
    damaged = row() | {missing: "", "cpu_name": ""}
    assert measured_runs([damaged, {}, {"run": "x"}]) == []


def test_names_cannot_steer_a_terminal() -> None:
    [run] = runs(row(host="ev\x1b[31mil", device_name="a\nb", dataset="folder:\u202ex"))
    assert (run.machine, run.trained_on, run.dataset) == ("ev?[31mil", "a b", "folder:?x")


def test_where_it_was_augmented() -> None:
    on_gpu = {"device": "cuda:0", "device_name": "Some GPU"}
    found = runs(row(**on_gpu), row(**on_gpu, augment_on="device"), row(**on_gpu, cpu_name=""))
    assert [run.augmented_on for run in found] == ["Some CPU", "Some GPU", "unknown CPU"]
    assert [run.threads for run in found] == ["", "", ""]


def test_what_changes_the_work_of_an_epoch_is_told_in_words() -> None:
    usual, other = runs(row(), row(precision="bf16", passes="2", augment="", threads="1"))
    assert (usual.variant, usual.threads) == ("", "2 threads")
    assert (other.variant, other.threads) == ("bf16, 2 passes, no augmentation", "1 thread")


def test_settings_are_what_the_run_made_of_its_recipe() -> None:
    [run] = runs(row(train__lr="0.5", lr="0.1", data__augment_on="auto", train__seed="3",
                     train__nesterov="True", model="resnet18"))  # fmt: skip
    assert run.settings["augment_on"] == "cpu"
    assert run.settings["lr"] == "0.1"
    assert run.settings["nesterov"] == "True"
    assert (run.settings["network"], run.settings["depth"]) == ("resnet", "18")
    assert "seed" not in run.settings


@pytest.mark.parametrize(
    ("model", "network", "kernels"),
    [("shallow128", "shallow", "128"), ("efficientnet_b0", "efficientnet_b0", None)],
)
def test_a_width_is_read_off_the_papers_networks_only(
    model: str, network: str, kernels: str | None
) -> None:
    [run] = runs(row(model=model))
    assert (run.settings["network"], run.settings.get("kernels")) == (network, kernels)


def test_a_run_that_ended_early_is_not_one_of_its_limit() -> None:
    early, late = runs(row(status="stopped"), row())
    assert (early.limit, late.limit) == ("15m, stopped", "15m")


def test_the_same_seed_again_is_no_repeat() -> None:
    found = runs(row(test_accuracy="0.5"), row(test_accuracy="0.7"),
                 row(test_accuracy="0.8", seed="1"), row(seed="2"))  # fmt: skip
    assert by_seed(found) == pytest.approx([0.6, 0.8])


def test_the_papers_figures_are_rows_like_others() -> None:
    found = papers()
    assert all(run.is_papers for run in found)
    fastest = min(found, key=lambda run: run.epoch_seconds or 1e9)
    assert (fastest.trained_on, fastest.batch_size) == ("NVIDIA GTX 980", 128)
    assert fastest.images_per_second == pytest.approx(50_000 / 7.02)
    assert (fastest.machine, fastest.augmented_on) == ("A", "Intel i7 4790k")
    assert (fastest.limit, fastest.threads, fastest.variant) == ("", "", "")
