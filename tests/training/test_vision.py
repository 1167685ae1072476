"""Downloads from a real server on the loopback, of tiny archives in the published formats."""

import gzip
import hashlib
import http.server
import io
import os
import pickle
import resource
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torchvision import datasets as published

from cnntop.core.errors import Cancelled, DatasetError, UsageError
from cnntop.core.events import Activity, AnyEvent
from cnntop.core.training import datasets
from cnntop.core.training.datasets import Dataset, download

PER_BATCH = 20
LABELS = ["plane", "car"]


class Collect:
    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def emit(self, event: AnyEvent) -> None:
        self.events.append(event)

    def activities(self, start: str) -> list[Activity]:
        return [e for e in self.events if isinstance(e, Activity) and e.name.startswith(start)]


@dataclass
class Site:
    """A web server. `files` by path; `stall` sends half, then waits for `release`."""

    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    stall: bool = False
    half_sent: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append(self.path)
                content = site.files.get(self.path)
                if content is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2])
                self.wfile.flush()
                if site.stall:
                    site.half_sent.set()
                    site.release.wait()
                    return  # and closes, so that the other half never comes
                self.wfile.write(content[len(content) // 2 :])

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        return Handler


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    site = Site()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), site.handler()) as server:
        site.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield site
        site.release.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNTOP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class Warns:
    """Warns when it is unpickled, as some versions of numpy do at the published files."""

    def __reduce__(self) -> tuple[Any, ...]:
        return warnings.warn, ("this pickle is old", UserWarning)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def cifar_batch(seed: int, key: str) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (PER_BATCH, 3072), dtype=np.uint8)
    return {"data": pixels, key: [n % 2 for n in range(PER_BATCH)], "old": Warns()}


def cifar_attributes(kind: Any, key: str) -> tuple[bytes, dict[str, Any]]:
    """An archive of random images in CIFAR's format, and the attributes that describe it."""
    names = [name for name, _ in kind.train_list + kind.test_list]
    members = {
        name: pickle.dumps(cifar_batch(seed, key), protocol=2) for seed, name in enumerate(names)
    }
    members[kind.meta["filename"]] = pickle.dumps({kind.meta["key"]: LABELS}, protocol=2)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(f"{kind.base_folder}/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    archive = buffer.getvalue()
    attributes = {
        "tgz_md5": md5(archive),
        "train_list": [[name, md5(members[name])] for name, _ in kind.train_list],
        "test_list": [[name, md5(members[name])] for name, _ in kind.test_list],
        "meta": kind.meta | {"md5": md5(members[kind.meta["filename"]])},
    }
    return archive, attributes


@pytest.fixture
def cifar(site: Site, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """CIFAR-10's archive on the site. Returns the attributes set on torchvision's class."""
    archive, attributes = cifar_attributes(published.CIFAR10, "labels")
    attributes["url"] = f"{site.url}/cifar-10-python.tar.gz"
    site.files["/cifar-10-python.tar.gz"] = archive
    for name, value in attributes.items():
        monkeypatch.setattr(published.CIFAR10, name, value)
    return attributes


def load(
    folder: Path,
    sink: Collect | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    name: str = "cifar10",
    image_size: int | None = None,
) -> Dataset:
    return datasets.load(name, folder, image_size, sink or Collect(), cancelled)


def hidden(folder: Path) -> list[str]:
    """Temporary files that a download left behind."""
    return [path.name for path in folder.rglob(".*") if "lock" not in path.name]


@pytest.fixture
def closed_port() -> Iterator[int]:
    """One that is taken, so that nobody else gets it, and that nobody listens to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


# What comes out


def test_cifar10_is_downloaded_verified_and_read(
    tmp_path: Path, site: Site, cifar: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    sink = Collect()
    dataset = load(tmp_path / "here", sink)
    assert dataset.name == "cifar10"
    assert dataset.classes == ("plane", "car")
    assert dataset.train.images.shape == (5 * PER_BATCH, 3, 32, 32)
    assert dataset.test.images.shape == (PER_BATCH, 3, 32, 32)
    assert dataset.train.images.dtype == torch.uint8
    assert dataset.train.images.is_contiguous()
    assert dataset.train.labels.dtype == torch.int64
    assert dataset.train.labels.tolist() == [0, 1] * (5 * PER_BATCH // 2)
    second = torch.from_numpy(cifar_batch(1, "labels")["data"]).reshape(-1, 3, 32, 32)
    assert torch.equal(dataset.train.images[PER_BATCH : 2 * PER_BATCH], second)
    size = len(site.files["/cifar-10-python.tar.gz"])
    progress = sink.activities("downloading CIFAR-10")
    assert progress[-1] == Activity("downloading CIFAR-10", size, size, "bytes")
    assert sink.activities("unpacking CIFAR-10")
    assert sink.activities("verifying CIFAR-10")
    assert capfd.readouterr() == ("", "")
    assert hidden(tmp_path / "here") == []


def test_the_second_time_nothing_is_downloaded(
    tmp_path: Path, site: Site, cifar: dict[str, Any]
) -> None:
    first = load(tmp_path)
    sink = Collect()
    assert torch.equal(load(tmp_path, sink).train.images, first.train.images)
    assert len(site.requests) == 1
    assert sink.activities("unpacking") == []


def test_a_verified_archive_is_unpacked_without_a_download(
    tmp_path: Path, site: Site, cifar: dict[str, Any]
) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(site.files["/cifar-10-python.tar.gz"])
    assert len(load(tmp_path).train) == 5 * PER_BATCH
    assert site.requests == []


def test_without_a_folder_it_goes_to_the_cache(
    site: Site, cifar: dict[str, Any], cache: Path
) -> None:
    datasets.load("cifar10", None, None, Collect())
    assert (cache / "datasets" / "cifar10" / "cifar-10-python.tar.gz").is_file()


def test_old_pickles_do_not_warn_on_the_screen(
    tmp_path: Path, cifar: dict[str, Any], recwarn: pytest.WarningsRecorder
) -> None:
    load(tmp_path)
    assert len(recwarn) == 0


def test_cifar100_has_fine_labels(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, attributes = cifar_attributes(published.CIFAR100, "fine_labels")
    site.files["/hundred.tgz"] = archive
    for name, value in (attributes | {"url": f"{site.url}/hundred.tgz"}).items():
        monkeypatch.setattr(published.CIFAR100, name, value)
    dataset = load(tmp_path, name="cifar100")
    assert dataset.train.labels.tolist() == [0, 1] * (PER_BATCH // 2)
    assert dataset.test.images.shape == (PER_BATCH, 3, 32, 32)


def idx(array: npt.NDArray[np.uint8]) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes(), compresslevel=1)


@pytest.fixture
def fashion(site: Site, monkeypatch: pytest.MonkeyPatch) -> npt.NDArray[np.uint8]:
    """Fashion-MNIST's files on the second of two mirrors. Returns the training images."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, 28, 28), dtype=np.uint8)
    labels = np.arange(30, dtype=np.uint8) % 10
    files = {
        "train-images-idx3-ubyte.gz": idx(images),
        "train-labels-idx1-ubyte.gz": idx(labels),
        "t10k-images-idx3-ubyte.gz": idx(images[:10]),
        "t10k-labels-idx1-ubyte.gz": idx(labels[:10]),
    }
    site.files.update({f"/good/{name}": content for name, content in files.items()})
    monkeypatch.setattr(
        published.FashionMNIST, "mirrors", [f"{site.url}/gone/", f"{site.url}/good/"]
    )
    resources = [(name, md5(content)) for name, content in files.items()]
    monkeypatch.setattr(published.FashionMNIST, "resources", resources)
    return images


def test_fashion_mnist_is_grey_and_comes_from_the_second_mirror(
    tmp_path: Path, site: Site, fashion: npt.NDArray[np.uint8]
) -> None:
    dataset = load(tmp_path, name="fashion_mnist")
    assert dataset.train.images.shape == (30, 1, 28, 28)
    assert (dataset.train.images[:, 0].numpy() == fashion).all()
    assert dataset.test.labels.tolist() == list(range(10))
    assert dataset.test.labels.dtype == torch.int64
    assert dataset.classes[-1] == "Ankle boot"
    assert len([path for path in site.requests if path.startswith("/gone/")]) == 4


@pytest.mark.parametrize("kept_bytes", [0, 100, 5000])
def test_a_torn_unpacked_file_is_unpacked_again(
    tmp_path: Path, site: Site, fashion: npt.NDArray[np.uint8], kept_bytes: int
) -> None:
    load(tmp_path, name="fashion_mnist")
    raw = tmp_path / "FashionMNIST" / "raw" / "train-images-idx3-ubyte"
    raw.write_bytes(raw.read_bytes()[:kept_bytes])
    asked = len(site.requests)
    assert (load(tmp_path, name="fashion_mnist").train.images[:, 0].numpy() == fashion).all()
    assert len(site.requests) == asked


def test_svhn_counts_its_zeros_as_zero(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    import scipy.io  # here alone, because nothing else needs it

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (32, 32, 3, 12), dtype=np.uint8)
    digits = (np.arange(12) % 10 + 1).reshape(-1, 1)
    buffer = io.BytesIO()
    scipy.io.savemat(buffer, {"X": pixels, "y": digits})
    content = buffer.getvalue()
    site.files["/x.mat"] = content
    parts = {s: [f"{site.url}/x.mat", f"{s}_32x32.mat", md5(content)] for s in ("train", "test")}
    monkeypatch.setattr(published.SVHN, "split_list", parts)
    dataset = load(tmp_path, name="svhn")
    assert dataset.classes == tuple("0123456789")
    assert dataset.train.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]
    assert dataset.train.images.is_contiguous()
    assert (dataset.train.images[3].numpy() == pixels[:, :, :, 3].transpose(2, 0, 1)).all()
    assert len(site.requests) == 2


@pytest.mark.parametrize("size", [16, 48])
def test_both_splits_are_resized_when_asked(
    tmp_path: Path, cifar: dict[str, Any], size: int
) -> None:
    native = load(tmp_path)
    sink = Collect()
    dataset = load(tmp_path, sink, image_size=size)
    assert dataset.train.images.shape == (5 * PER_BATCH, 3, size, size)
    assert dataset.test.images.shape == (PER_BATCH, 3, size, size)
    assert dataset.train.images.dtype == torch.uint8
    assert torch.equal(dataset.train.labels, native.train.labels)
    means = [d.train.images.float().mean(dim=(1, 2, 3)) for d in (dataset, native)]
    assert (means[0] - means[1]).abs().max() < 3
    assert sink.activities("resizing")[-1].done == 6 * PER_BATCH
    same = Collect()
    load(tmp_path, same, image_size=32)
    assert same.activities("resizing") == []


def test_an_unknown_name() -> None:
    with pytest.raises(UsageError, match=r"no dataset 'cifar11'. Did you mean 'cifar10'"):
        datasets.load("cifar11", None, None, Collect())


# What goes wrong


def test_a_refused_connection(
    tmp_path: Path,
    cifar: dict[str, Any],
    closed_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(published.CIFAR10, "url", f"http://127.0.0.1:{closed_port}/x.tar.gz")
    with pytest.raises(DatasetError, match=r"^cannot download CIFAR-10: connection refused \(127"):
        load(tmp_path)
    assert hidden(tmp_path) == []


def test_a_name_that_does_not_resolve(
    tmp_path: Path, cifar: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(published.CIFAR10, "url", "http://cnntop.invalid/x.tar.gz")
    with pytest.raises(DatasetError, match=r"CIFAR-10: the server's name cannot be resolved"):
        load(tmp_path)


def test_an_http_error(tmp_path: Path, site: Site, cifar: dict[str, Any]) -> None:
    site.files.clear()
    with pytest.raises(DatasetError, match=r"CIFAR-10: the server answered 404 Not Found"):
        load(tmp_path)


def test_a_server_that_does_not_speak_http(
    tmp_path: Path, cifar: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"220 mail at your service\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        monkeypatch.setattr(
            published.CIFAR10, "url", f"http://127.0.0.1:{server.getsockname()[1]}/x"
        )
        with pytest.raises(DatasetError, match=r"answer is cut short or not HTTP"):
            load(tmp_path)
        thread.join()


def test_a_silent_server(
    tmp_path: Path, site: Site, cifar: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.3)
    site.stall = True
    with pytest.raises(DatasetError, match=r"CIFAR-10: no answer for 0 seconds"):
        load(tmp_path)
    assert hidden(tmp_path) == []


def test_a_connection_that_breaks(tmp_path: Path, site: Site, cifar: dict[str, Any]) -> None:
    site.stall = True
    site.release.set()
    with pytest.raises(DatasetError, match=r"the connection broke after [\d,]+ of [\d,]+ bytes"):
        load(tmp_path)
    assert not (tmp_path / "cifar-10-python.tar.gz").exists()


def test_a_file_that_is_too_large_is_not_taken(
    tmp_path: Path, site: Site, cifar: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(site.files["/cifar-10-python.tar.gz"])
    monkeypatch.setattr("cnntop.core.training.datasets.download.MOST_BYTES", size - 1)
    with pytest.raises(DatasetError, match=r"a file of more than [\d,]+ bytes"):
        load(tmp_path)
    assert not list(tmp_path.glob("*.tar.gz*"))


def test_a_wrong_checksum_from_the_server(
    tmp_path: Path, site: Site, cifar: dict[str, Any]
) -> None:
    site.files["/cifar-10-python.tar.gz"] = b"something else"
    with pytest.raises(DatasetError, match=r"CIFAR-10: the server sent .* wrong checksum"):
        load(tmp_path)
    assert not (tmp_path / "cifar-10-python.tar.gz").exists()
    assert hidden(tmp_path) == []


def test_a_damaged_archive_is_downloaded_again(
    tmp_path: Path, site: Site, cifar: dict[str, Any]
) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"damaged")
    assert len(load(tmp_path).train) == 5 * PER_BATCH
    assert len(site.requests) == 1


def test_a_damaged_archive_without_a_network(
    tmp_path: Path,
    cifar: dict[str, Any],
    closed_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "cifar-10-python.tar.gz").write_bytes(b"damaged")
    monkeypatch.setattr(published.CIFAR10, "url", f"http://127.0.0.1:{closed_port}/x.tar.gz")
    with pytest.raises(DatasetError, match=r"connection refused.*tar\.gz has a wrong checksum"):
        load(tmp_path)


def test_a_damaged_batch_is_unpacked_again(
    tmp_path: Path, site: Site, cifar: dict[str, Any]
) -> None:
    first = load(tmp_path)
    batch = tmp_path / "cifar-10-batches-py" / "data_batch_3"
    batch.write_bytes(batch.read_bytes()[:-1])
    assert torch.equal(load(tmp_path).train.images, first.train.images)
    assert len(site.requests) == 1


def test_a_folder_that_cannot_be_made(tmp_path: Path, cifar: dict[str, Any]) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatasetError, match=r"cannot download CIFAR-10: not a directory"):
        load(tmp_path / "file" / "below")


def test_a_disk_that_takes_no_more(tmp_path: Path, cifar: dict[str, Any]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(DatasetError, match=r"cannot download CIFAR-10: file too large"):
            load(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert hidden(tmp_path) == []


def test_a_complete_folder_that_cannot_be_written(site: Site, cifar: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        load(folder)
        (folder / ".cnntop-download-lock").unlink()
        with unprivileged(folder):
            assert len(load(folder).train) == 5 * PER_BATCH
            with pytest.raises(DatasetError, match=r"download Fashion-MNIST: permission denied"):
                load(folder, name="fashion_mnist")


class unprivileged:  # noqa: N801
    """Not allowed to write in `folder`, even where tests run as root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = os.geteuid() == 0

    def __enter__(self) -> None:
        self.folder.chmod(0o555)
        if self.root:
            os.seteuid(65534)

    def __exit__(self, *_: object) -> None:
        if self.root:
            os.seteuid(0)
        self.folder.chmod(0o755)


# Stopping, and several at once


def test_cancelling_does_not_wait_for_a_silent_server(
    tmp_path: Path, site: Site, cifar: dict[str, Any]
) -> None:
    """Were the stop to wait for the server, its timeout would come first, as another error."""
    site.stall = True
    with pytest.raises(Cancelled):
        load(tmp_path, cancelled=site.half_sent.is_set)
    assert not site.release.is_set()
    assert hidden(tmp_path) == []
    assert not (tmp_path / "cifar-10-python.tar.gz").exists()


def test_cancelling_while_another_downloads(
    tmp_path: Path, site: Site, cifar: dict[str, Any]
) -> None:
    site.stall = True
    stop = threading.Event()
    outcome: list[str] = []

    def first() -> None:
        try:
            load(tmp_path, cancelled=stop.is_set)
        except Cancelled:
            outcome.append("cancelled")

    thread = threading.Thread(target=first)
    thread.start()
    site.half_sent.wait()
    sink = Collect()
    with pytest.raises(Cancelled):
        load(tmp_path, sink, cancelled=lambda: bool(sink.activities("waiting for another")))
    assert len(site.requests) == 1
    stop.set()
    thread.join()
    assert outcome == ["cancelled"]


PROCESS = """
import sys
from pathlib import Path
from torchvision import datasets as published
from cnntop.core.training import datasets

for name, value in ATTRIBUTES.items():
    setattr(published.CIFAR10, name, value)

class Silent:
    def emit(self, event):
        pass

print("ready", flush=True)
sys.stdin.readline()
dataset = datasets.load("cifar10", Path(FOLDER), None, Silent())
print(int(dataset.train.images.sum()), len(dataset.test))
"""


def test_two_processes_at_once_download_once(
    tmp_path: Path, site: Site, cifar: dict[str, Any]
) -> None:
    script = f"ATTRIBUTES = {cifar!r}\nFOLDER = {str(tmp_path / 'shared')!r}\n{PROCESS}"
    pair = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in pair:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in pair:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [process.communicate(timeout=120) for process in pair]
    expected = int(load(tmp_path / "shared").train.images.sum())
    assert results == [(f"{expected} {PER_BATCH}\n", "")] * 2
    assert len(site.requests) == 1
