"""The catalogue's public datasets, downloaded once and read by torchvision."""

import contextlib
import errno
import fcntl
import pickle
import tarfile
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision import datasets as published

from cnntop.core.datasets import CATALOGUE
from cnntop.core.errors import Cancelled, DatasetError
from cnntop.core.events import Activity
from cnntop.core.feed import Sink
from cnntop.core.text import printable
from cnntop.core.training.datasets.download import DownloadError, download, md5_of
from cnntop.core.training.datasets.image_set import Dataset, ImageSet

_LOCK = ".cnntop-download-lock"
_POLL_SECONDS = 0.1

# What torchvision raises where a file is missing, torn or not what it expects.
_UNUSABLE = (
    RuntimeError,
    ValueError,
    TypeError,
    AssertionError,
    EOFError,
    FileNotFoundError,
    pickle.UnpicklingError,
)


@dataclass(frozen=True)
class _Archive:
    """A file to download: where it comes from (mirrors), goes to, and its MD5."""

    urls: tuple[str, ...]
    path: Path
    md5: str


def load(
    name: str,
    folder: Path,
    sink: Sink,
    cancelled: Callable[[], bool] = lambda: False,
) -> Dataset:
    """cifar10, cifar100, fashion_mnist or svhn from `folder`, downloaded into it if need be.

    Images are uint8 [N, 3, 32, 32], or [N, 1, 28, 28] for fashion_mnist. Several processes may ask
    for the same folder at once: one downloads, the others wait for it. A folder that is complete
    is only read.

    Raises DatasetError with the reason in words (no network, full disk, wrong checksum), and
    Cancelled soon after `cancelled` turns true; unpacking alone, a few seconds, is seen through.
    """
    title = CATALOGUE[name].title.split(":")[0]
    sink.emit(Activity(f"verifying {title}"))
    try:
        with contextlib.suppress(*_UNUSABLE):
            return _read(name, folder, download=False)
        with _locked(folder, title, sink, cancelled):
            # Whoever held the lock may have made it ready.
            with contextlib.suppress(*_UNUSABLE):
                return _read(name, folder, download=False)
            for archive in _archives(name, folder):
                _fetch(archive, title, sink, cancelled)
            sink.emit(Activity(f"unpacking {title}"))
            _remove_torn(name, folder)
            return _read(name, folder, download=True)
    except DownloadError as error:
        raise DatasetError(f"cannot download {title}: {error}") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        where = printable(str(error.filename or folder))
        raise DatasetError(f"cannot use {title}: {printable(reason)} ({where})") from None
    except (*_UNUSABLE, tarfile.TarError, zlib.error) as error:
        where = printable(str(folder))
        raise DatasetError(
            f"cannot use {title} in {where}: {printable(str(error))}; remove that folder"
        ) from None


def _archives(name: str, folder: Path) -> list[_Archive]:
    if name == "svhn":
        parts = (published.SVHN.split_list[split] for split in ("train", "test"))
        return [_Archive((url,), folder / file, md5) for url, file, md5 in parts]
    if name == "fashion_mnist":
        kind = published.FashionMNIST
        return [
            _Archive(tuple(mirror + file for mirror in kind.mirrors), _raw(folder) / file, md5)
            for file, md5 in kind.resources
        ]
    kind = _cifar(name)
    return [_Archive((kind.url,), folder / kind.filename, kind.tgz_md5)]


def _cifar(name: str) -> Any:
    return {"cifar10": published.CIFAR10, "cifar100": published.CIFAR100}[name]


def _raw(folder: Path) -> Path:
    return folder / "FashionMNIST" / "raw"


def _fetch(archive: _Archive, title: str, sink: Sink, cancelled: Callable[[], bool]) -> None:
    damaged = False
    if archive.path.is_file():
        sink.emit(Activity(f"verifying {title}"))
        if md5_of(archive.path, cancelled) == archive.md5:
            return
        damaged = True
    for number, url in enumerate(archive.urls, 1):
        try:
            download(url, archive.path, archive.md5, f"downloading {title}", sink, cancelled)
        except DownloadError as error:
            if number < len(archive.urls):
                continue
            if damaged:
                where = printable(str(archive.path))
                raise DownloadError(f"{error}; and {where} has a wrong checksum") from None
            raise
        return


def _remove_torn(name: str, folder: Path) -> None:
    # Unpacked Fashion-MNIST has no checksums: torchvision takes a file torn by a crash for whole.
    if name == "fashion_mnist":
        for file, _ in published.FashionMNIST.resources:
            (_raw(folder) / file.removesuffix(".gz")).unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(folder: Path, title: str, sink: Sink, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Hold the folder's download lock; given up by the system however the process ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / _LOCK).open("ab")
    except OSError as error:
        where = printable(str(folder))
        raise DownloadError(f"{(error.strerror or str(error)).lower()} ({where})") from None
    with file:
        waiting = False
        while not _try_lock(file.fileno()):
            if cancelled():
                raise Cancelled
            if not waiting:
                sink.emit(Activity(f"waiting for another download of {title}"))
                waiting = True
            time.sleep(_POLL_SECONDS)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        # Some network file systems have no locks; downloads are put in place whole all the same.
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise
    return True


def _read(name: str, folder: Path, download: bool) -> Dataset:
    """Both splits through torchvision; `download` also lets it unpack verified archives."""
    with warnings.catch_warnings():
        # Some versions of numpy warn at the old pickles, on stderr, in the middle of a screen.
        warnings.simplefilter("ignore")
        if name == "svhn":
            pair = [published.SVHN(str(folder), s, download=download) for s in ("train", "test")]
        elif name == "fashion_mnist":
            pair = [
                published.FashionMNIST(str(folder), t, download=download) for t in (True, False)
            ]
        else:
            pair = [_cifar(name)(str(folder), train=t, download=download) for t in (True, False)]
    digits = [str(digit) for digit in range(10)]
    classes = digits if name == "svhn" else pair[0].classes
    train, test = (_image_set(name, split) for split in pair)
    return Dataset(name, tuple(printable(label) for label in classes), train, test)


def _image_set(name: str, split: Any) -> ImageSet:
    if name == "svhn":  # numpy, N C H W already, but a view with other strides
        images = torch.from_numpy(np.ascontiguousarray(split.data))
        labels = torch.from_numpy(split.labels)
    elif name == "fashion_mnist":
        images, labels = split.data.unsqueeze(1), split.targets
    else:
        images = torch.from_numpy(split.data).permute(0, 3, 1, 2).contiguous()
        labels = torch.tensor(split.targets, dtype=torch.int64)
    if len(images) != len(labels):
        raise ValueError(f"{len(images)} images but {len(labels)} labels")
    return ImageSet(images, labels)
