"""Figures as people read them."""

import pytest

from cnntop.core.analysis.limit import Limit
from cnntop.core.network_size import NetworkSize
from cnntop.core.run_state import RunState
from cnntop.core.split import Split
from cnntop.tui import format as form
from tests.tui.story import STARTED, told


@pytest.mark.parametrize(
    "show",
    [form.percent, form.figure, form.clock, form.duration, form.bytes_size, form.rate],
)
def test_what_was_not_measured_is_a_dash_and_zero_is_not(show: object) -> None:
    assert callable(show)
    assert show(None) == "–"
    assert "0" in show(0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00"), (59.6, "01:00"), (61, "01:01"), (3599.9, "1:00:00"), (86_400, "24:00:00"),
     (-3, "00:00")],
)  # fmt: skip
def test_clock(seconds: float, text: str) -> None:
    assert form.clock(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.00042, "0.42 ms"), (0.0123, "12.3 ms"), (4.561, "4.56 s"), (754, "12:34"),
     (0.9999, "1 s"), (99.99, "01:40")],
)  # fmt: skip
def test_duration_in_its_own_unit(seconds: float, text: str) -> None:
    assert form.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (170_498_071, "170 MB"), (1.234e9, "1.23 GB"),
     (999_600, "1 MB"), (5e12, "5 TB")],
)  # fmt: skip
def test_bytes_never_in_powers_of_ten(count: float, text: str) -> None:
    assert form.bytes_size(count) == text


def test_percent_figure_and_rate() -> None:
    assert form.percent(0.12345) == "12.3 %"
    assert form.percent(0.12345, 2) == "12.35 %"
    assert form.percent(1.0, 0) == "100 %"
    assert form.figure(2.302585) == "2.303"
    assert form.rate(12345.6) == "12,346"


def test_split_line_names_all_four_parts() -> None:
    assert form.split_line(Split(1, 0, 2, 1)) == (
        "wait 25.0 %  transfer 0.0 %  compute 50.0 %  other 25.0 %"
    )
    assert form.split_line(Split()) == "wait –  transfer –  compute –  other –"


ARITHMETIC = Limit("arithmetic", 45.12e9, 196e9, 0.2302, 0.21)
MEMORY = Limit("memory", 901e9, 2.5e12, 0.3604, 0.004)


@pytest.mark.parametrize(
    ("limit", "width", "text"),
    [
        (ARITHMETIC, 120, "compute at 23 % of this machine's limit (45.1 of 196 GFLOP/s), "
                          "whole step at 21 %"),
        (ARITHMETIC, 61, "compute at 23 % of this machine's limit (45.1 of 196 GFLOP/s)"),
        (ARITHMETIC, 60, "23 % of this machine's limit"),
        (ARITHMETIC, 28, "23 % of this machine's limit"),
        (ARITHMETIC, 27, ""),
        (MEMORY, 120, "compute at 36 % of this machine's limit (901 GB/s of 2.5 TB/s), "
                      "whole step at 0.40 %"),
        (Limit("arithmetic", 7.31e8), 120, "compute at 731 MFLOP/s, machine's limit not measured"),
        (Limit("arithmetic", 7.31e8), 40, "731 MFLOP/s"),
        (Limit("arithmetic", 2.1e11, 2.1e11, 1.0, 1.0), 40, "100 % of this machine's limit"),
        (Limit("arithmetic", 1234e12, 9999e12, 0.1234, 0.1), 61,
         "12 % of this machine's limit"),
        (None, 40, "machine's limit not measured"),
    ],
)  # fmt: skip
def test_limit_as_far_as_it_fits(limit: Limit | None, width: int, text: str) -> None:
    assert form.limit_figures(limit, width) == text


def test_epoch_label() -> None:
    assert form.epoch_label(RunState()) == "0"
    assert form.epoch_label(told(STARTED)) == "1/20"


def test_columns_align() -> None:
    assert form.columns([("a", "1"), ("long", "2")]) == ["  a     1", "  long  2"]
    assert form.columns([]) == []


def test_the_size_of_a_network() -> None:
    figures = form.network_figures
    size = NetworkSize(11_173_962, 555_422_720)
    assert figures(size) == "11,173,962 parameters, 555 M multiply-adds an image"
    assert figures(NetworkSize(7, 40_000)) == "7 parameters, 0.04 M multiply-adds an image"
    assert figures(NetworkSize(7, 1_297_829_888)) == "7 parameters, 1.3 G multiply-adds an image"
    assert STARTED.multiply_adds is None
    assert figures(STARTED) == "251,834 parameters", "not counted is not 0"
