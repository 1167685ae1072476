"""Steering a run of another process, by its control socket."""

from cnntop.core.extension import Extension
from cnntop.core.fix import Fix
from cnntop.core.run_state import RunState
from cnntop.core.runs.control_socket import Command, send
from cnntop.core.runs.folder import RunFolder


class RemoteControl:
    """What a person wants of a run of another process. Everything but `paused` raises CnntopError
    where the run cannot be asked."""

    stop_status = None
    """Who stops it is told by its own process."""

    def __init__(self, folder: RunFolder, state: RunState) -> None:
        self._folder = folder
        self.state = state
        """What the person sees of the run."""
        self._asked: bool | None = None

    @property
    def paused(self) -> bool:
        """As last asked for from here, until the log tells; a step may take its time."""
        return self.state.phase == "paused" if self._asked is None else self._asked

    def answered(self) -> None:
        """The log has told of a pause or its end."""
        self._asked = None

    def pause(self) -> None:
        self._asked = send(self._folder, Command("pause")).paused

    def resume(self) -> None:
        self._asked = send(self._folder, Command("resume")).paused

    def stop(self) -> None:
        send(self._folder, Command("stop"))

    def stop_after_epoch(self) -> None:
        self._asked = send(self._folder, Command("stop-after-epoch")).paused

    def go_on_after_epoch(self) -> None:
        send(self._folder, Command("go-on-after-epoch"))

    def discard(self) -> None:
        send(self._folder, Command("discard"))

    def checkpoint(self) -> None:
        send(self._folder, Command("checkpoint"))

    def apply(self, fix: Fix) -> None:
        send(self._folder, Command("fix", fix))

    def scale_rate(self, factor: float) -> None:
        send(self._folder, Command("rate", factor=factor))

    def extend(self, extension: Extension) -> None:
        send(self._folder, Command("extend", extension=extension))
