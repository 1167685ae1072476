"""What a person can do when the dataset is not here and cannot be downloaded."""

import shlex

from cnntop.core.datasets import CATALOGUE, dataset_folder
from cnntop.core.runs.folder import default_runs_dir
from cnntop.core.text import printable
from cnntop.tui.format import columns
from cnntop.tui.launch import Launch
from cnntop.tui.options import RECIPE_OPTIONS


def ways_out(launch: Launch) -> str:
    """The exact command for each way out, one a line."""
    data = launch.recipe().data
    bare = command_line(launch, without=("data.dir", "data.dataset"))
    rows = [("try again", command_line(launch)), ("your images", f"{bare} --data-dir DIR")]
    if data.dataset != "folder":
        files = " and ".join(CATALOGUE[data.dataset].archives)
        folder = dataset_folder(data.dataset, data.dir)
        elsewhere = f"{bare} --dataset {data.dataset} --data-dir FOLDER"
        rows.append(("copied by hand", f"put {files} into {folder} and try again, or: {elsewhere}"))
    rows.append(("built-in data", f"{bare} --dataset shapes"))
    notes = "DIR holds train/<class>/* and test/<class>/* as png, jpeg or webp."
    return "\n".join(printable(line) for line in ("Ways out:", *columns(rows), f"  {notes}"))


def command_line(launch: Launch, without: tuple[str, ...] = ()) -> str:
    """The command that starts `launch`, ready to paste, leaving some settings out."""
    words = ["cnntop", "run", "--preset", launch.preset or "NAME"]
    for path, value in launch.settings.items():
        if path in without or value is None:
            continue
        text = ",".join(value) if isinstance(value, list) else str(value)
        if path in RECIPE_OPTIONS:
            words += [RECIPE_OPTIONS[path], text]
        else:
            words += ["--set", f"{path}={text}"]
    if launch.model_code is not None:
        words += ["--model", launch.model_code.text]
    if launch.name:
        words += ["--name", launch.name]
    if launch.runs_dir != default_runs_dir():
        words += ["--runs-dir", str(launch.runs_dir)]
    if launch.plain:
        words.append("--plain")
    return shlex.join(words)
