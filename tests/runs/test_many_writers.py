"""Fifty processes that record at the same instant: no folder shared, no row lost."""

import subprocess
import sys
from pathlib import Path

from cnntop.core.events import RunEnded
from cnntop.core.runs.folder import run_folders
from cnntop.core.runs.log import read_log
from cnntop.core.runs.summary import read_rows

PROCESSES = 50
RECORD = """
import sys, time
from pathlib import Path
from cnntop.core.events import RunEnded, RunStarted
from cnntop.core.feed import Stream
from cnntop.core.recipe import resolve
from cnntop.core.runs.folder import RunFolder, RunInfo, utc_now
from cnntop.core.runs.recorder import Recorder

runs = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
recorder = Recorder()
stream = Stream(recorder.take)
folder = RunFolder.create(runs, "same")
recipe = resolve({"train": {"epochs": 2}}, "test")
run = folder.path.name
recorder.open(folder, RunInfo(run, "same", "p", utc_now(), recipe, "cpu", {}, {}, ""))
stream.emit(RunStarted(run, "same", "p", utc_now(), "shapes", "shallow8", 10, 10, 100, 50, 10,
                       "cpu", "c", 1, "fp32", "cpu", 2))
recorder.write_summary("running")
stream.emit(RunEnded("finished", "", 1.0))
recorder.close()
"""
"""All of a run but the training: fifty networks at once would not fit into a small machine."""


def test_fifty_at_once_have_fifty_folders_and_fifty_rows(tmp_path: Path) -> None:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", RECORD, str(tmp_path)]
    processes = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        for _ in range(PROCESSES)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate()[1] for process in processes]
    assert set(errors) == {""}
    folders = run_folders(tmp_path)
    assert len(folders) == PROCESSES
    for folder in folders:
        *_, last = read_log(folder.events)
        assert isinstance(last.event, RunEnded)
    names = {folder.path.name for folder in folders}
    written = (tmp_path / "summary.csv").read_text().splitlines()
    assert len(written) == PROCESSES + 1
    assert {line.partition(",")[0] for line in written[1:]} == names
    rows = read_rows(tmp_path)
    assert {row["run"] for row in rows} == names
    assert {row["status"] for row in rows} == {"finished"}
