"""Profiles as files from elsewhere: kept whole, and believed in nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from cnntop.core.analysis.profile import Span, find, load, named, save
from cnntop.core.errors import UsageError
from tests.machine_profile import line, profile, tree

STEPS = {"shallow8": line(0.001, 0.0001), "resnet18": line(0.01, 0.01)}


def test_a_profile_is_read_as_it_was_written(tmp_path: Path) -> None:
    kept = profile(STEPS, spread=0.1)
    save(kept, tmp_path / "b.json")
    assert load(tmp_path / "b.json") == kept
    assert kept.rounds == 3


def test_batch_sizes_are_in_order_however_the_file_has_them(tmp_path: Path) -> None:
    file = tmp_path / "b.json"
    file.write_text(json.dumps(tree(STEPS, batch_sizes=(128, 8, 32))))
    assert [steps.batch_size for steps in load(file).networks[0].steps] == [8, 32, 128]


def damaged(path: str, value: Any) -> str:
    """The file with `value` at `path`, a dotted one."""
    content = tree(STEPS)
    *way, last = path.split(".")
    at: Any = content
    for key in way:
        at = at[int(key)] if key.isdigit() else at[key]
    at[int(last) if last.isdigit() else last] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("networks.0.steps.1.step_seconds.2", -1.0, "networks[0].steps[1].step_seconds[2]: "),
        ("networks.0.steps.1.step_seconds.2", 0, "step_seconds[2]: "),
        ("networks.0.steps.1.step_seconds.2", "fast", "step_seconds[2]: expected `float`"),
        ("networks.0.steps.1.step_seconds", [], "networks[0].steps[1].step_seconds: "),
        ("networks.0.steps.0.batch_size", 10**30, "networks[0].steps[0].batch_size: "),
        ("networks.0.steps.0.batch_size", 32, "networks[0].steps[0].batch_size: 32 is there twice"),
        ("networks.1.model", "shallow8", "networks[0].model: shallow8 is there twice"),
        ("networks", [], "networks: "),
        ("machine.host", 7, "machine.host: expected `str`"),
        ("machine.wings", 2, "machine: object contains unknown field `wings`"),
        ("others_cores", None, "others_cores: "),
        ("augmentation_images_per_second.cpu.0", 1e300, "augmentation_images_per_second"),
    ],
)
def test_what_is_wrong_is_named_by_its_key(
    tmp_path: Path, path: str, value: Any, words: str
) -> None:
    file = tmp_path / "b.json"
    file.write_text(damaged(path, value))
    with pytest.raises(UsageError) as raised:
        load(file)
    assert words in str(raised.value)
    assert str(file) in str(raised.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "truncated"),
        ("{}", "missing required field `name`"),
        ("[1, 2]", "Expected `object`"),
        ('{"seconds": NaN}', "malformed"),
        (json.dumps(tree(STEPS)).replace("60.0", "1e999"), "seconds: "),
        (json.dumps(tree(STEPS))[:-40], "truncated"),
        ('{"format": 99}', "newer cnntop (format 99)"),
        ('{"format": 1, "\x1b[31m": 2}', "malformed"),
        (json.dumps(tree(STEPS) | {"\x1b[31m": 2}), "unknown field `?[31m`"),
        (" " * 5_000_000, "larger than any profile"),
    ],
)
def test_what_is_no_profile(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "b.json"
    file.write_text(content)
    with pytest.raises(UsageError) as raised:
        load(file)
    assert words in str(raised.value)
    assert "\x1b" not in str(raised.value)


def test_found_by_file_and_by_name(tmp_path: Path) -> None:
    path = named("our box/2")
    assert path.name == "our-box-2.json"
    path.parent.mkdir(parents=True)
    save(profile(STEPS), path)
    assert find("our-box-2") == path
    assert find(str(path)) == path
    with pytest.raises(UsageError, match="Did you mean 'our-box-2'"):
        find("our-box-3")
    with pytest.raises(UsageError, match="there is no profile"):
        find(str(tmp_path / "none.json"))
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path)


def test_a_span_is_the_median_and_all_that_was_measured() -> None:
    span = Span.of((3.0, 1.0, 2.0, 9.0))
    assert span == Span(2.5, 1.0, 9.0)
    assert span + span * 2 == Span(7.5, 3.0, 27.0)
    assert Span(1.0, 0.5, 2.0).widened(0.5) == Span(1.0, 0.25, 3.0)
    assert Span(1.0, 0.5, 2.0).widened(7.0).low == 0.0
