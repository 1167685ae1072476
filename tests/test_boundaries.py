"""Imports run one way, and torch is imported by training alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import cnntop.core

CORE = Path(cnntop.core.__file__).parent
TORCH = ("torch", "torchvision", "numpy", "PIL")
SCREEN = ("textual", "typer", "rich", "cnntop.tui")


def modules() -> list[str]:
    """Every module of the core, by name."""
    names = []
    for file in sorted(CORE.rglob("*.py")):
        parts = file.relative_to(CORE).with_suffix("").parts
        names.append(".".join(("cnntop", "core", *(part for part in parts if part != "__init__"))))
    return names


TRAINING = [name for name in modules() if name.startswith("cnntop.core.training")]
OTHERS = [name for name in modules() if name not in TRAINING]


def brought_in(names: list[str], unwanted: tuple[str, ...]) -> dict[str, list[str]]:
    """Which of `unwanted` each of `names` brings in, imported one by one in a fresh process."""
    code = (
        "import importlib, json, sys\n"
        "names, unwanted = json.loads(sys.argv[1])\n"
        "found, seen = {}, set()\n"
        "for name in names:\n"
        "    importlib.import_module(name)\n"
        "    new = {bad for bad in unwanted if bad in sys.modules} - seen\n"
        "    seen |= new\n"
        "    if new: found[name] = sorted(new)\n"
        "print(json.dumps(found))\n"
    )
    command = [sys.executable, "-c", code, json.dumps([names, unwanted])]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    found: dict[str, list[str]] = json.loads(result.stdout)
    return found


def test_the_modules_are_found() -> None:
    assert {"cnntop.core", "cnntop.core.recipe", "cnntop.core.runs.summary"} <= set(OTHERS)
    assert {"cnntop.core.training.loop", "cnntop.core.training.datasets"} <= set(TRAINING)


def test_outside_of_training_nothing_imports_torch_or_a_screen() -> None:
    assert brought_in(OTHERS, TORCH + SCREEN) == {}


@pytest.mark.parametrize(
    "name",
    ["recipe", "preset", "run_state", "session", "runs.summary", "datasets", "doctor"],
)
def test_imported_alone_it_brings_no_torch(name: str) -> None:
    assert brought_in([f"cnntop.core.{name}"], TORCH + SCREEN) == {}


def test_training_imports_torch_but_no_screen() -> None:
    found = brought_in(TRAINING, ("torch", *SCREEN))
    assert [bad for new in found.values() for bad in new] == ["torch"]


def test_the_check_sees_what_it_looks_for() -> None:
    assert brought_in(["json", "numpy"], TORCH) == {"numpy": ["numpy"]}
