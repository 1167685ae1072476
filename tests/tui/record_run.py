"""Records the run that the README's pictures are drawn from: `make recording`, with the folder of
real images that CNNTOP_TEST_IMAGES names."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from cnntop.core.events import Activity, Record, StepsMeasured
from cnntop.core.runs.folder import run_folders
from cnntop.core.runs.log import read_log, sealed
from tests.tui.draw_pictures import RECORDED

_RUN = (
    *("run", "--preset", "shallow32", "--name", "shallow32", "--epochs", "6", "--plain"),
    *("--set", "augment_on=loader", "--set", "threads=1", "--auto-fix"),
)
"""With a fix on the way, to be seen in the pictures; on one thread: other programs may run."""
_KEPT_OF = 2
"""Of so many stretches of steps one is kept."""
_DIGITS = 5


def main() -> None:
    images = os.environ.get("CNNTOP_TEST_IMAGES")
    if not images:
        sys.exit("set CNNTOP_TEST_IMAGES to a folder of real images")
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cnntop.tui.cli", *_RUN, "--data-dir", images]
        subprocess.run([*command, "--runs-dir", folder], check=True)
        [run] = run_folders(Path(folder))
        records = list(_thinned(read_log(run.events)))
    RECORDED.parent.mkdir(exist_ok=True)
    encoder = msgspec.json.Encoder()
    RECORDED.write_bytes(b"".join(sealed(encoder.encode(_rounded(one))) for one in records))


def _thinned(records: Iterable[Record]) -> Iterator[Record]:
    seen = 0
    for record in records:
        seen += isinstance(record.event, StepsMeasured)
        halfway = isinstance(record.event, Activity) and record.event.done
        if not halfway and not (isinstance(record.event, StepsMeasured) and seen % _KEPT_OF):
            yield record


def _rounded(record: Record) -> Record:
    figures = {
        name: float(f"{value:.{_DIGITS}g}")
        for name in record.event.__struct_fields__
        if isinstance(value := getattr(record.event, name), float)
    }
    event = msgspec.structs.replace(record.event, **figures)
    return msgspec.structs.replace(record, event=event)


if __name__ == "__main__":
    main()
