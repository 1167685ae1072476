"""A run without a screen: lines, signals, exit code."""

from cnntop.core.errors import DatasetError
from cnntop.core.session import RunHandle, start_run
from cnntop.tui.launch import Launch
from cnntop.tui.plain import PlainPrinter
from cnntop.tui.signals import StopSignals
from cnntop.tui.terminal import let_go_of_lost
from cnntop.tui.ways_out import ways_out


def run_plain(launch: Launch) -> int:
    """Train, print lines until the end, return the exit code. Raises CnntopError.

    Lines do not need a terminal, so a hang-up changes nothing.
    """
    handle = start_run(launch.request())

    def stop() -> None:
        handle.control.stop("interrupted")

    signals = StopSignals(
        stop,
        hang_up=lambda: None,
        checkpoint=handle.control.checkpoint,
        over=lambda: handle.done,
    )
    with signals:
        PlainPrinter(handle, handle.history()).follow()
    let_go_of_lost()
    return outcome(handle, signals, launch)


def outcome(handle: RunHandle, signals: StopSignals, launch: Launch) -> int:
    """The exit code of a run that is over, or its error raised.

    Raises the CnntopError that ended the run; a missing dataset's with the commands for each way
    out, a defect of cnntop's own with its traceback.
    """
    if handle.error is not None:
        message = str(handle.error)
        if isinstance(handle.error, DatasetError):
            message += "\n" + ways_out(launch)
        if handle.traceback is not None:
            message = f"{handle.traceback}{message}"
        raise type(handle.error)(message)
    return signals.exit_code if signals.exit_code is not None else handle.exit_code
