"""What a person wants of a run: flags from any thread, read between two steps."""

import threading

import pytest

from cnntop.core.control import Control
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
