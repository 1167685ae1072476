"""What is installed: every folder as a package of cnntop, with its data files."""

import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("core", "tui", "presets")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def packages() -> set[str]:
    """Every folder with Python in it, by the name it is installed under."""
    files = (file for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
    return {".".join(("cnntop", *file.relative_to(ROOT).parent.parts)) for file in files}


def data_files() -> set[str]:
    """Files that are no Python but needed, by their path in the installed package."""
    kinds = ("*.toml", "*.tcss", "py.typed")
    files = (f for folder in FOLDERS for kind in kinds for f in (ROOT / folder).rglob(kind))
    return {f"cnntop/{file.relative_to(ROOT).as_posix()}" for file in files}


def test_the_list_of_packages_is_that_of_the_folders() -> None:
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert len(listed) == len(set(listed))
    assert set(listed) == packages()


def test_every_package_has_its_init() -> None:
    for package in packages():
        folder = ROOT.joinpath(*package.split(".")[1:])
        assert (folder / "__init__.py").is_file(), package


def test_installed_files_can_be_read() -> None:
    names = {file.name for file in resources.files("cnntop.presets").iterdir()}
    assert {file.name for file in (ROOT / "presets").glob("*.toml")} <= names


def test_the_version_is_that_of_the_project() -> None:
    assert metadata.version("cnntop") == PROJECT["project"]["version"]


def test_the_command_leads_to_something() -> None:
    module, function = PROJECT["project"]["scripts"]["cnntop"].split(":")
    code = f"import sys, {module}; sys.exit(not callable({module}.{function}))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_a_wheel_holds_every_module_and_data_file(tmp_path: Path) -> None:
    setuptools = pytest.importorskip("setuptools", minversion="77")
    assert setuptools
    # From a copy, so that no build folder is left in the checkout.
    source = tmp_path / "source"
    source.mkdir()
    for name in (*FOLDERS, "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).exists():
            (source / name).symlink_to(ROOT / name)
    code = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    command = [sys.executable, "-c", code, str(tmp_path)]
    result = subprocess.run(
        command, cwd=source, capture_output=True, text=True, check=False, timeout=200
    )
    assert result.returncode == 0, result.stderr
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    python = {
        f"cnntop/{file.relative_to(ROOT).as_posix()}"
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*.py")
    }
    needed = data_files()
    assert any(path.endswith("demo.toml") for path in needed)
    assert python | needed <= held
    # Nothing lands outside of its own name: other distributions own `core` and `tui`.
    assert {path.split("/")[0] for path in held} == {
        "cnntop", f"cnntop-{PROJECT['project']['version']}.dist-info",
    }  # fmt: skip
    assert not [path for path in held if "test" in path]
