"""The pace of networks and batch sizes that were not measured, on profiles that are exact lines."""

import pytest

from cnntop.core.analysis.pace import batch_error, pace
from cnntop.core.analysis.profile import Span
from cnntop.core.errors import UsageError
from tests.machine_profile import line, profile

EXACT = {
    # A constant and a part for each kernel, as ShallowNet's multiply-adds are.
    f"shallow{kernels}": line(0.002, 1e-5 * (10 + kernels))
    for kernels in (8, 32, 64, 256)
} | {"resnet18": line(0.05, 0.01)}


def test_a_measured_point_is_what_was_measured() -> None:
    found = pace(profile(EXACT, spread=0.1), "shallow32", 32)
    assert found.step_seconds == Span(*(pytest.approx(0.01544 * one) for one in (1, 0.9, 1.1)))
    assert (found.error, found.between) == (0.0, ())


@pytest.mark.parametrize("batch_size", [9, 16, 64, 100, 127])
def test_between_batch_sizes_a_line_is_found_exactly(batch_size: int) -> None:
    found = pace(profile(EXACT), "resnet18", batch_size)
    assert found.step_seconds.median == pytest.approx(0.05 + 0.01 * batch_size)
    assert found.error == pytest.approx(0.0, abs=1e-9)
    assert found.between == ("batches of 8 and 32" if batch_size < 32 else "batches of 32 and 128",)


@pytest.mark.parametrize(("kernels", "batch_size"), [(16, 32), (48, 32), (128, 64), (200, 8)])
def test_between_widths_too(kernels: int, batch_size: int) -> None:
    found = pace(profile(EXACT), f"shallow{kernels}", batch_size)
    expected = 0.002 + 1e-5 * (10 + kernels) * batch_size
    assert found.step_seconds.median == pytest.approx(expected)
    assert found.error == pytest.approx(0.0, abs=1e-9)
    assert "shallow" in found.between[0]


def test_the_error_of_a_line_is_known_from_the_points_between() -> None:
    steps = {8: 1.0, 32: 1.0, 128: 5.0}
    (network,) = profile({"resnet18": steps.__getitem__}).networks
    # From 8 and 128 the step at 32 is 1 + 4 * 24 / 120.
    assert batch_error(network) == pytest.approx(0.8)
    found = pace(profile({"resnet18": steps.__getitem__}), "resnet18", 80)
    assert found.error == pytest.approx(0.8)
    assert found.step_seconds == Span(3.0, pytest.approx(0.6), pytest.approx(5.4))


def test_where_nothing_tells_the_error_it_is_not_known() -> None:
    two = profile(EXACT, batch_sizes=(32, 128))
    assert pace(two, "resnet18", 64).error is None
    two_wide = profile({name: EXACT[name] for name in ("shallow8", "shallow32")})
    assert pace(two_wide, "shallow16", 32).error is None


@pytest.mark.parametrize(
    ("model", "batch_size", "words"),
    [
        ("resnet18", 256, "256 is beyond"),
        ("resnet18", 4, "resnet18 at batch size 8, 32, 128, and 4 is beyond"),
        ("shallow4", 32, "no shallow4, nor one narrower"),
        ("shallow512", 32, "no shallow512, nor one narrower"),
        ("resnet34", 32, "no resnet34; it has shallow8"),
        ("resnet20", 32, "no resnet20; it has shallow8"),
        ("\x1b[31mnet", 32, "no ?[31mnet"),
        ("shallow" + 100 * "9", 32, "no shallow9"),
        ("", 32, "it has shallow8"),
    ],
)
def test_what_it_does_not_say_is_refused(model: str, batch_size: int, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        pace(profile(EXACT), model, batch_size)
    assert words in str(raised.value)
    assert "Calibrate there" in str(raised.value)
