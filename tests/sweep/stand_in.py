"""Stands in for `cnntop run` where a sweep's processes are tested, not training: leaves the same
run folder, with accuracies that follow from its point alone, and takes no seconds to import.

    python stand_in.py '{"runs_dir": ..., "mark": "SWEEP/1", "run": "", "epochs": 3, ...}'
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cnntop.core.events import (
    AnyEvent,
    CheckpointSaved,
    EpochFinished,
    Record,
    RunEnded,
    RunResumed,
    RunStarted,
)
from cnntop.core.recipe import resolve
from cnntop.core.runs.folder import RunFolder, RunInfo
from cnntop.core.runs.log import RunLog, read_log
from cnntop.core.sweep.folder import SweepFolder
from cnntop.core.sweep.scheduler import Job

STARTED = RunStarted(
    run="r", name="n", preset="demo", started_utc="2026-01-01T00:00:00Z", dataset="shapes",
    model="shallow8", parameters=1, batch_size=32, train_images=100, test_images=10,
    steps_per_epoch=4, device="cpu", device_name="A CPU", threads=1, precision="fp32",
    augment_on="cpu", epochs_planned=1,
)  # fmt: skip


def accuracy(number: int, epoch: int) -> float:
    """What point `number` reaches after `epoch`: the higher the number the better."""
    return round(1 - 1 / (1 + epoch) - 0.3 / number, 6)


def command(
    folder: SweepFolder,
    epochs: int = 2,
    pause: float = 0.0,
    later_pause: float | None = None,
    **by_number: dict[str, Any],
) -> Callable[[Job], list[str]]:
    """For a Scheduler. An epoch takes `pause` seconds, those after the first one `later_pause`.
    `p3={"exit": 1}` is for point 3 alone."""

    def of(job: Job) -> list[str]:
        state = job.due.state
        plan = {
            "runs_dir": str(folder.runs_dir),
            "mark": f"{job.sweep}/{state.point.number}",
            "run": str(state.run.path) if state.run else "",
            "name": state.point.run_name,
            "epochs": job.due.epochs or epochs,
            "pause": pause,
            "later_pause": pause if later_pause is None else later_pause,
            "device": job.device,
        }
        plan |= by_number.get(f"p{state.point.number}", {})
        return [sys.executable, __file__, json.dumps(plan)]

    return of


def epoch(number: int, epoch: int) -> list[AnyEvent]:
    """What a log tells of point `number` at the end of an epoch."""
    reached = accuracy(number, epoch)
    finished = EpochFinished(
        epoch=epoch, step=4 * epoch, images=100, lr=0.1, train_loss=1.0, train_accuracy=0.5,
        test_loss=1.0, test_accuracy=reached, epoch_seconds=2.0, evaluation_seconds=0.1,
        wait_seconds=0.5, transfer_seconds=0.5, compute_seconds=0.5, other_seconds=0.5,
    )  # fmt: skip
    return [finished, CheckpointSaved("checkpoint/last.pt", epoch, reached, 4 * epoch)]


def resumed(done: int, epochs: int) -> RunResumed:
    """That a run of `epochs` goes on after `done` of them."""
    return RunResumed(4 * done, 2.0 * done, "", "cpu", "A CPU", 1, "cpu", epochs_planned=epochs)


def info(run: str, mark: str, device: str = "auto") -> RunInfo:
    tree = {"data": {"dataset": "shapes"}, "train": {"epochs": 1}, "machine": {"device": device}}
    recipe = resolve(tree, "test")
    began = "2026-01-01T00:00:00Z"
    return RunInfo(run, "n", "demo", began, recipe, "cpu", {}, {}, "", sweep_point=mark)


def write(folder: RunFolder, events: list[AnyEvent]) -> None:
    """Append to a run's log."""
    at = len(list(read_log(folder.events))) if folder.events.exists() else 0
    log = RunLog(folder.events)
    for number, event in enumerate(events, at):
        log.append(Record(number, float(number), event))
    log.close()


def main(plan: dict[str, Any]) -> int:
    # As a run does; whoever started the tests in the background may have had it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    number = int(plan["mark"].rpartition("/")[2])
    if "early" in plan:  # ends before it has begun
        sys.stderr.write(f"cnntop: {plan['early']}\n")
        return int(plan["exit"])
    if plan["run"]:
        folder = RunFolder(Path(plan["run"]))
        told = [record.event for record in read_log(folder.events)]
        done = max((e.epoch for e in told if isinstance(e, EpochFinished)), default=0)
        begin: AnyEvent = resumed(done, plan["epochs"])
    else:
        folder = RunFolder.create(Path(plan["runs_dir"]), plan["name"])
        folder.write_info(info(folder.path.name, plan["mark"]))
        done, begin = 0, STARTED
    lock = folder.lock()
    sys.stdout.write(f"[00:00] run folder {folder.path}\n")
    write(folder, [begin])
    try:
        for after in range(done + 1, plan["epochs"] + 1):
            time.sleep(plan["pause" if after == 1 else "later_pause"])
            write(folder, epoch(number, after))
            if plan.get("killed_after") == after and not plan["run"]:
                os.kill(os.getpid(), signal.SIGKILL)
    except KeyboardInterrupt:
        write(folder, [RunEnded("interrupted", "", 1.0)])
        return 130
    status = plan.get("status", "finished")
    write(folder, [RunEnded(status, plan.get("message", ""), 2.0 * plan["epochs"])])
    os.close(lock)
    return int(plan.get("exit", 0))


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
