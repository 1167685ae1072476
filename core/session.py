"""Starts a run: the worker thread, what it needs, and how it ends."""

import copy
import gc
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from cnntop.core.auto_fix import AutoFix
from cnntop.core.control import Control
from cnntop.core.errors import Cancelled, CnntopError, UsageError
from cnntop.core.events import Activity, AnyEvent, Notice, RunEnded, Status
from cnntop.core.feed import LiveFeed, Stream
from cnntop.core.machine.sampler import MachineSampler
from cnntop.core.model_option import line_of, told
from cnntop.core.run_facts import as_it_was, require_same, run_info, run_resumed, run_started
from cnntop.core.run_request import RunRequest
from cnntop.core.run_state import RunState
from cnntop.core.runs.control_socket import ControlSocket
from cnntop.core.runs.folder import RunFolder, require_writable
from cnntop.core.runs.recorder import Recorder
from cnntop.core.text import printable

if TYPE_CHECKING:
    from cnntop.core.training.checkpoint import Loaded
    from cnntop.core.training.preparation import Prepared


class RunHandle:
    """A run of this process. `feed` tells what happens, `control` takes what a person wants.

    Once `done`, `error` holds what prevented the run from starting or training from going on (a
    message for people), `traceback` the details of a defect of cnntop's own.
    """

    def __init__(self, request: RunRequest) -> None:
        self.request = request
        self.feed = LiveFeed()
        self.control = Control()
        self.folder: RunFolder | None = None
        self.error: CnntopError | None = None
        self.traceback: str | None = None
        self._recorder = Recorder(self.history(), lambda notice: self._stream.emit(notice))
        readers = [self._recorder.take, self.feed.take]
        if request.auto_fix:
            readers.append(AutoFix(self._recorder.state, self.control.apply).take)
        earlier = request.resume
        self._stream = Stream(
            *readers,
            next_seq=earlier.next_seq if earlier else 0,
            at_seconds=earlier.at_seconds if earlier else 0.0,
        )
        self._thread = threading.Thread(target=self._run, name="cnntop-training", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def history(self) -> RunState:
        """The run's state before the first record of `feed`: a new one's is empty."""
        earlier = self.request.resume
        return RunState() if earlier is None else copy.deepcopy(earlier.state)

    @property
    def now(self) -> float:
        """Seconds on the stream's clock, to show time passing between two records."""
        return self._stream.seconds

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Wait for the end; returns whether it came."""
        self._thread.join(timeout_seconds)
        return self.done

    @property
    def exit_code(self) -> int:
        """0 for a run that finished or was stopped by a person, else that of what went wrong.
        An interrupted run's code is the signal's affair."""
        if self.error is not None:
            return self.error.exit_code
        ended = self._recorder.state.ended
        return 0 if ended is not None and ended.status in ("finished", "stopped") else 1

    def _run(self) -> None:
        sampler = MachineSampler(_SampleSink(self._stream))
        sampler.start()
        status: Status = "failed"
        message = ""
        try:
            status = self._prepare_and_train()
        except Cancelled:
            status = self.control.stop_status or "interrupted"
        except CnntopError as error:
            self.error = error
            message = str(error)
            status = error.status
        except OSError as error:
            self.error = CnntopError(f"the run could not go on: {error}.")
            message = str(self.error)
        except Exception as error:  # noqa: BLE001  the thread's last line: a defect must be told
            self.error = self._defect(error)
            message = str(self.error)
        sampler.stop()
        self._end(status, message)

    def _defect(self, error: Exception) -> CnntopError:
        """Of the person's network, or else of cnntop."""
        code = self.request.model_code
        if code is not None and line_of(error, file := code.imported_from()):
            return CnntopError(f"--model {printable(code.text)} raised {told(error, file)}.")
        self.traceback = traceback.format_exc()
        return CnntopError(f"cnntop failed: {type(error).__name__}: {error}")

    def _end(self, status: Status, message: str) -> None:
        seconds = self._recorder.state.elapsed_seconds(self.now)
        ended = RunEnded(status, message, round(seconds, 6))
        discarded = self.control.discarded
        close = self._recorder.discard if discarded else self._recorder.close
        steps: list[Callable[[], None]] = [partial(self._stream.emit, ended), close]
        if message:
            steps.insert(0, partial(self._stream.emit, Notice(message, "error")))
        for step in steps:  # each of them, though one before could not be written down
            try:
                step()
            except OSError as error:
                what = "the run could not be discarded"
                what = what if discarded else "the end of the run could not be recorded"
                text = f"{what}: {error}."
                if self.error is None:
                    self.error = CnntopError(text)
                else:
                    self.error.args = (f"{self.error} And {text}",)

    def _prepare_and_train(self) -> Status:
        request = self.request
        require_writable(request.runs_dir, request.share)
        self._stream.emit(Activity("importing torch"))
        from cnntop.core.training.loop import TrainingLoop
        from cnntop.core.training.preparation import prepare

        loaded = self._load_checkpoint()
        checkpoint = None if loaded is None else loaded.content
        recipe = as_it_was(request.recipe, checkpoint)
        prepared = prepare(
            recipe, self._stream, self.control.cancelled, checkpoint, request.model_code
        )
        try:
            if self.control.cancelled():
                raise Cancelled
            folder = self._open_folder(prepared, checkpoint)
            if loaded is not None and loaded.damaged:
                text = f"{loaded.damaged[0]} is damaged; going on from {loaded.name}"
                self._stream.emit(Notice(text, "warning"))
            for remark in filter(None, (request.remark, *prepared.reasons)):
                self._stream.emit(Notice(remark))
            self._write_first_row()
            loop = TrainingLoop(
                prepared, self.control, self._stream, folder.path, checkpoint=checkpoint,
                checkpoint_seconds=request.checkpoint_seconds,
            )  # fmt: skip
            # All of torch is there by now and stays. Each time the collector looked through it, the
            # training and the screen would stand still for a tenth of a second.
            gc.freeze()
            with ControlSocket(folder, self.control):
                return loop.run()
        finally:
            prepared.batches.close()

    def _load_checkpoint(self) -> "Loaded | None":
        """Of the run that goes on, if it got as far as to save one."""
        from cnntop.core.training.checkpoint import Checkpoints

        earlier = self.request.resume
        return None if earlier is None else Checkpoints(earlier.folder.path).load()

    def _open_folder(self, prepared: "Prepared", checkpoint: dict[str, Any] | None) -> RunFolder:
        earlier = self.request.resume
        if earlier is None:
            request = self.request
            folder = RunFolder.create(request.runs_dir, request.name, request.share)
            info = run_info(
                folder, request.name, request.preset, request.recipe, request.sweep_point, prepared
            )
            self._recorder.open(folder, info)
            self.folder = folder
            self._stream.emit(run_started(info, prepared))
            return folder
        self.folder = earlier.folder
        require_same(earlier, prepared)
        resumed = run_resumed(self.request.recipe, prepared, checkpoint)
        try:
            self._recorder.resume(earlier.folder, earlier.info, resumed)
        except BlockingIOError:
            raise UsageError(f"run {earlier.info.run} is running in another process.") from None
        started = earlier.state.started is not None
        self._stream.emit(resumed if started else run_started(earlier.info, prepared))
        return earlier.folder

    def _write_first_row(self) -> None:
        """summary.csv is derived, and no reason to give up a run."""
        try:
            self._recorder.write_summary("running")
        except OSError as error:
            text = f"summary.csv cannot be written ({error}); the run's own folder has it all"
            self._stream.emit(Notice(text, "warning"))


class _SampleSink:
    """For the machine sampler: a sample that the disk does not take is let go, because the next
    event of the training itself ends the run and tells why."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def emit(self, event: AnyEvent) -> None:
        with suppress(OSError):
            self._stream.emit(event)


def start_run(request: RunRequest) -> RunHandle:
    """Train in a thread of its own. Returns at once; never raises for what goes wrong in there."""
    handle = RunHandle(request)
    handle.start()
    return handle
