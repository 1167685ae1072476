"""A program on a terminal of its own, and when it printed what."""

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from types import TracebackType

from cnntop.core.errors import CnntopError
from cnntop.core.text import printable
from cnntop.tui.bench.window import ESCAPE, environment, pseudo_terminal

PATIENCE_SECONDS = 60.0
_ASKS_FOR_WHOLE_FRAMES = b"\x1b[?2026$p"
_HAS_WHOLE_FRAMES = b"\x1b[?2026;2$y"
"""What terminals answer that show a frame once it has come whole, as most do; each frame then comes
in brackets, which count as what is sent."""


class Shown:
    """The program, from its start until the end of the `with` block, which kills it.

    Moments are those of `time.perf_counter`. All that it prints is kept.
    """

    def __init__(self, command: Sequence[str], columns: int, lines: int, **variables: str) -> None:
        self._ours, theirs = pseudo_terminal(columns, lines)
        self._news = threading.Condition()
        self._chunks: list[tuple[float, bytes]] = []
        self._closed = False
        self.started = time.perf_counter()
        try:
            self.process = subprocess.Popen(
                command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
                env=environment() | variables,
            )  # fmt: skip
        except BaseException:
            os.close(self._ours)
            raise
        finally:
            os.close(theirs)
        self._reader = threading.Thread(target=self._read, name="bench-window", daemon=True)
        self._reader.start()

    def __enter__(self) -> "Shown":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        os.close(self._ours)

    def type(self, keys: bytes) -> float:
        """Press keys; returns when."""
        now = time.perf_counter()
        os.write(self._ours, keys)
        return now

    def seconds_until(self, words: bytes, since: float) -> float:
        """From `since` until `words`, which stand in one style, have come. Raises CnntopError if
        they never do."""
        deadline = time.perf_counter() + PATIENCE_SECONDS
        with self._news:
            while True:
                at = self._came(words, since)
                if at is not None:
                    return at - since
                if self._closed or not self._news.wait(deadline - time.perf_counter()):
                    shown = printable(words.decode(errors="replace"))
                    raise CnntopError(f"the screen never showed {shown!r}:\n{self._last_words()}")

    def seconds_until_any(self, since: float, patience: float) -> float | None:
        """From `since` until anything is printed; None if nothing is within `patience` seconds."""
        with self._news:
            self._news.wait_for(lambda: self._after(since), patience)
            later = self._after(since)
        return later[0][0] - since if later else None

    def wait_quiet(self, seconds: float) -> None:
        """Until nothing was printed for so long."""
        while (left := self._last_printed() + seconds - time.perf_counter()) > 0:
            time.sleep(left)

    def printed_bytes(self, since: float) -> int:
        """How many have come since then."""
        with self._news:
            return sum(len(chunk) for _, chunk in self._after(since))

    def forget(self) -> None:
        """Let go of what was printed so far."""
        with self._news:
            del self._chunks[:-1]

    def _came(self, words: bytes, since: float) -> float | None:
        printed = b""
        for at, chunk in self._after(since):
            printed += chunk
            if words in printed:
                return at
        return None

    def _after(self, since: float) -> list[tuple[float, bytes]]:
        return [chunk for chunk in self._chunks if chunk[0] >= since]

    def _last_printed(self) -> float:
        with self._news:
            return self._chunks[-1][0] if self._chunks else self.started

    def _last_words(self) -> str:
        printed = b"".join(chunk for _, chunk in self._chunks)[-(1 << 14) :]
        lines = ESCAPE.sub(" ", printed.decode(errors="replace")).splitlines()
        return "\n".join(printable(line) for line in lines[-20:])

    def _read(self) -> None:
        rest = b""
        while True:
            try:
                chunk = os.read(self._ours, 1 << 16)
            except OSError:  # Linux's way to say that the other side is closed
                chunk = b""
            now = time.perf_counter()
            with self._news:
                if chunk:
                    self._chunks.append((now, chunk))
                self._closed = not chunk
                self._news.notify_all()
            if not chunk:
                return
            _, asks, rest = (rest + chunk).rpartition(_ASKS_FOR_WHOLE_FRAMES)
            rest = rest[-len(_ASKS_FOR_WHOLE_FRAMES) :]
            if asks:
                os.write(self._ours, _HAS_WHOLE_FRAMES)
