"""The process of a try-out: started, listened to, and ended at any moment."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress

import msgspec

from cnntop.core.datasets import cache_folder
from cnntop.core.errors import UsageError
from cnntop.core.recipe import Recipe
from cnntop.core.text import printable
from cnntop.core.tryout import TRYOUT_SECONDS, Message, Refused, Request, Told

_KILLED_SECONDS = 2.0


class TryoutChild:
    """A process of its own, because torch takes seconds to import and is never let go again, and
    because one that is no longer wanted can be killed. It ends by itself when this one is gone."""

    def __init__(self, recipe: Recipe, model: str = "", seconds: float = TRYOUT_SECONDS) -> None:
        """`model` is as in `Request`. Raises UsageError, OSError."""
        cache_folder().mkdir(parents=True, exist_ok=True)
        self._folder = tempfile.mkdtemp(prefix="tryout-", dir=cache_folder())
        self._heard, self._said = b"", ""
        try:
            request = msgspec.json.encode(Request(recipe, self._folder, model, seconds))
            # -P: files of the current folder must not take the place of Python's own modules. A
            # session of its own takes its loader's workers along, and no key that this one gets.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cnntop.core.training.tryout"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        except UnicodeEncodeError:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise UsageError("data.dir: its name has bytes that are no text; rename it.") from None
        except OSError:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._output = self._process.stdout.fileno()
        os.set_blocking(self._output, False)
        with suppress(BrokenPipeError):  # it is gone already, as `poll` will tell
            self._process.stdin.write(request + b"\n")
            self._process.stdin.flush()

    @property
    def process_id(self) -> int:
        return self._process.pid

    def poll(self) -> Message | None:
        """The newest that it said since the last call. Never waits. What is no `Told` is the last,
        also where it ended without a word."""
        code = self._process.poll()  # first, so that nothing is said between the two
        *lines, self._heard = (self._heard + self._read()).split(b"\n")
        newest: Message | None = None
        for line in lines:
            try:
                newest = msgspec.json.decode(line, type=Message)
            except msgspec.MsgspecError:  # a warning of some library
                self._said = printable(line.decode(errors="replace")).strip() or self._said
        if code is not None and (newest is None or isinstance(newest, Told)):
            return Refused(f"The try-out ended without a result: {self._said or f'code {code}'}")
        return newest

    def _read(self) -> bytes:
        chunks = []
        with suppress(BlockingIOError):
            while chunk := os.read(self._output, 65536):
                chunks.append(chunk)
        return b"".join(chunks)

    def end(self) -> None:
        """Whether it is done or not. Leaves nothing behind."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_KILLED_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)
