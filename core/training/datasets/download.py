"""One file fetched over HTTP: aside, verified, then put in place whole."""

import hashlib
import http.client
import os
import queue
import socket
import ssl
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cnntop.core.errors import Cancelled
from cnntop.core.feed import ActivityMeter, Sink
from cnntop.core.text import printable

TIMEOUT_SECONDS = 15.0
"""How long a server may take to accept a connection or to send the next bytes."""

MOST_BYTES = 512 * 1024 * 1024
"""No dataset of the catalogue is half as large; more would only fill the disk, to be refused."""

_CHUNK_BYTES = 256 * 1024
_POLL_SECONDS = 0.1


class DownloadError(Exception):
    """A download failed; the message is the reason alone, in words."""


@dataclass
class _Transfer:
    """What the network thread hands over: the length, then chunks, then b"" or an error."""

    url: str
    chunks: queue.Queue[bytes | Exception] = field(default_factory=lambda: queue.Queue(16))
    length: int | None = None
    abandoned: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        request = urllib.request.Request(self.url, headers={"User-Agent": "cnntop"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
                self.length = response.length
                while not self.abandoned.is_set():
                    chunk = response.read1(_CHUNK_BYTES)
                    self.chunks.put(chunk)
                    if not chunk:
                        return
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.chunks.put(error)

    def abandon(self) -> None:
        """Let the thread end, which may be waiting for room in the queue."""
        self.abandoned.set()
        with suppress(queue.Empty):
            while True:
                self.chunks.get_nowait()


def download(
    url: str, path: Path, md5: str, name: str, sink: Sink, cancelled: Callable[[], bool]
) -> None:
    """Fetch `url` into `path`, replacing what is there only by a whole, verified file.

    Progress goes to `sink` as the activity `name`, in bytes. Raises DownloadError (also for a full
    disk or a folder that cannot be written) and Cancelled, at once even while a server is silent.
    """
    host = printable(url.split("/")[2]) if "//" in url else printable(url)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise DownloadError(f"{_words(error)} ({printable(str(path.parent))})") from None
    # The network has a thread of its own, because a connection that hangs cannot be interrupted.
    transfer = _Transfer(url)
    threading.Thread(target=transfer.run, name="download", daemon=True).start()
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor has no path
            digest = hashlib.md5(usedforsecurity=False)
            meter: ActivityMeter | None = None
            done = 0
            while chunk := _next(transfer, host, cancelled):
                if max(transfer.length or 0, done + len(chunk)) > MOST_BYTES:
                    most = f"{MOST_BYTES:,} bytes"
                    raise DownloadError(f"the server sends a file of more than {most} ({host})")
                meter = meter or ActivityMeter(sink, name, transfer.length or None, "bytes")
                digest.update(chunk)
                file.write(chunk)
                done += len(chunk)
                meter.advance(len(chunk))
            file.flush()
            os.fsync(file.fileno())
        _check(done, transfer.length, digest.hexdigest() == md5, host)
        # mkstemp makes files private; a download may be shared like any other file.
        Path(partial).chmod(0o644)
        Path(partial).replace(path)
    except OSError as error:
        raise DownloadError(f"{_words(error)} ({printable(str(path.parent))})") from None
    finally:
        transfer.abandon()
        with suppress(FileNotFoundError):
            Path(partial).unlink()


def md5_of(path: Path, cancelled: Callable[[], bool]) -> str:
    """The MD5 of a file, in hex. Raises OSError and Cancelled."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            if cancelled():
                raise Cancelled
            digest.update(chunk)
    return digest.hexdigest()


def _next(transfer: _Transfer, host: str, cancelled: Callable[[], bool]) -> bytes:
    while True:
        if cancelled():
            raise Cancelled
        try:
            chunk = transfer.chunks.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue
        if isinstance(chunk, Exception):
            raise DownloadError(f"{_words(chunk)} ({host})")
        return chunk


def _check(done: int, length: int | None, intact: bool, host: str) -> None:
    if length is not None and done < length:
        raise DownloadError(f"the connection broke after {done:,} of {length:,} bytes ({host})")
    if not intact:
        raise DownloadError(f"the server sent a file with a wrong checksum ({host})")


def _words(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {printable(str(error.reason))}".rstrip()
    if isinstance(error, urllib.error.URLError) and isinstance(error.reason, Exception):
        return _words(error.reason)
    if isinstance(error, socket.gaierror):
        return "the server's name cannot be resolved; is there a network?"
    if isinstance(error, TimeoutError):
        return f"no answer for {TIMEOUT_SECONDS:.0f} seconds"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not trusted: {printable(error.verify_message)}"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the server closed the connection"
    if isinstance(error, http.client.HTTPException):
        return "the server's answer is cut short or not HTTP"
    if isinstance(error, OSError) and error.strerror:
        return printable(error.strerror.lower())
    return printable(str(error)) or type(error).__name__
