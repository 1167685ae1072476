"""What a person wants of a run: flags from any thread, read between two steps."""

import threading
from collections.abc import Callable

import pytest

from cnntop.core.control import Control
from cnntop.core.extension import NOTHING, Extension
from cnntop.core.fix import Fix

TO_CPU = Fix("data.augment_on", "cpu", 1.5)
TO_DEVICE = Fix("data.augment_on", "device", 2.5)


def test_nothing_is_wanted_at_first() -> None:
    control = Control()
    assert not control.wanted
    assert not control.paused
    assert not control.cancelled()
    assert control.stop_status is None
    assert control.take_fix() is None


def test_a_fix_is_taken_once() -> None:
    control = Control()
    control.apply(TO_CPU)
    assert control.wanted
    assert control.take_fix() is TO_CPU
    assert not control.wanted
    assert control.take_fix() is None


def test_the_newest_fix_counts() -> None:
    control = Control()
    control.apply(TO_CPU)
    control.apply(TO_DEVICE)
    assert control.take_fix() is TO_DEVICE
    assert control.take_fix() is None
    control.apply(TO_CPU)
    assert control.take_fix() is TO_CPU, "and can be asked for again"


def test_a_pause_and_a_fix_are_wanted_each_for_itself() -> None:
    control = Control()
    control.pause()
    control.apply(TO_CPU)
    control.take_fix()
    assert control.wanted
    control.apply(TO_CPU)
    control.resume()
    assert control.wanted
    assert not control.paused
    control.take_fix()
    assert not control.wanted


def test_a_fix_ends_no_pause_and_no_run() -> None:
    control = Control()
    control.pause()
    over = threading.Event()

    def stand_still() -> None:
        control.wait_while_paused()
        over.set()

    thread = threading.Thread(target=stand_still)
    thread.start()
    control.apply(TO_CPU)
    assert not over.wait(0.3)
    assert control.stop_status is None
    control.resume()
    assert over.wait(60)
    thread.join()
    assert control.take_fix() is TO_CPU, "it is applied when training goes on"


def test_a_stop_ends_a_pause_and_the_first_one_counts() -> None:
    control = Control()
    control.pause()
    control.stop()
    control.stop("interrupted")
    control.wait_while_paused()
    assert control.stop_status == "stopped"
    assert control.cancelled()


def test_no_fix_is_taken_twice_or_lost_between_threads() -> None:
    control = Control()
    fixes = [Fix("machine.threads", number) for number in range(2000)]
    taken: list[Fix] = []
    asked_all = threading.Event()

    def train() -> None:
        while not asked_all.is_set() or control.wanted:
            fix = control.take_fix()
            if fix is not None:
                taken.append(fix)

    trainer = threading.Thread(target=train)
    trainer.start()
    for fix in fixes:
        control.apply(fix)
    asked_all.set()
    trainer.join(60)
    values = [fix.value for fix in taken]
    assert values == sorted(set(values), key=int)
    assert values[-1] == 1999, "the newest is never lost"


@pytest.mark.parametrize("status", ["stopped", "interrupted"])
def test_how_a_run_was_stopped(status: str) -> None:
    control = Control()
    control.stop(status)  # type: ignore[arg-type]
    assert control.stop_status == status


def test_rates_multiply_and_extensions_add_up_until_they_are_taken() -> None:
    control = Control()
    for factor in (2.0, 2.0, 0.5):
        control.scale_rate(factor)
    control.extend(Extension(epochs=2))
    control.extend(Extension(epochs=3, seconds=60.0))
    assert control.wanted
    assert control.take_rate_factor() == 2.0
    assert control.take_extension() == Extension(5, 60.0)
    assert not control.wanted
    assert (control.take_rate_factor(), control.take_extension()) == (1.0, NOTHING)


def test_an_end_with_the_epoch_lets_a_paused_run_go_on_and_is_told_once() -> None:
    control = Control()
    control.pause()
    control.stop_after_epoch()
    control.stop_after_epoch()
    assert control.ends_after_epoch
    assert not control.paused
    assert control.stop_status is None
    assert control.take_stops_asked() == ["after-epoch"]
    assert control.take_stops_asked() == []
    assert not control.wanted, "the steps to the epoch's end cost nothing more"


def test_an_end_with_the_epoch_is_taken_back() -> None:
    control = Control()
    control.go_on_after_epoch()
    assert control.take_stops_asked() == [], "there is nothing to take back"
    control.stop_after_epoch()
    control.go_on_after_epoch()
    assert not control.ends_after_epoch
    assert control.take_stops_asked() == ["after-epoch", "go-on"]
    assert not control.wanted


def test_discarding_stops_now() -> None:
    control = Control()
    control.stop_after_epoch()
    control.discard()
    assert control.take_stops_asked() == ["after-epoch", "discard"]
    assert (control.discarded, control.stop_status) == (True, "stopped")


@pytest.mark.parametrize(
    "ask",
    [
        lambda control: control.scale_rate(2.0), lambda control: control.extend(Extension(1)),
        lambda control: control.checkpoint(),
    ],
)  # fmt: skip
def test_a_pause_does_not_put_it_off(ask: Callable[[Control], None]) -> None:
    control = Control()
    control.pause()
    looked: list[bool] = []

    def stand_still() -> None:
        while control.wait_while_paused():
            control.take_rate_factor()
            control.take_extension()
            control.take_checkpoint()
            looked.append(True)

    thread = threading.Thread(target=stand_still)
    thread.start()
    ask(control)
    for _ in range(6000):
        if looked:
            break
        thread.join(0.01)
    control.resume()
    thread.join(60)
    assert looked == [True]
