"""What the hardware panel says beside its figures."""

from typing import Any

import msgspec
import pytest

from tests.tui import story
from tests.tui.stage import SIZES, Stage, monitor, show, text


async def shown(size: tuple[int, int], trained_on: dict[str, Any], other: dict[str, Any]) -> str:
    """The monitor of a run that trains on the first of two GPUs, with these figures changed."""
    gpus = [
        msgspec.structs.replace(story.gpu(index), **figures)
        for index, figures in enumerate((trained_on, other))
    ]
    stage = Stage(monitor())
    async with stage.run_test(size=size) as pilot:
        await pilot.pause()
        show(stage, story.told(*story.with_gpu(gpus)))
        await pilot.pause()
        return text(stage)


@pytest.mark.parametrize("size", SIZES[1:], ids=str)
@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"throttled_by": ("power",)}, "gpu 0: throttled by power"),
        ({"throttled_by": ("heat",), "other_processes": 0}, "gpu 0: throttled by heat"),
        ({"throttled_by": (), "other_processes": 1}, "gpu 0: 1 other process"),
        (
            {"throttled_by": ("power", "heat"), "other_processes": 112},
            "gpu 0: throttled by power and heat, 112 other processes",
        ),
    ],
)
async def test_what_holds_the_gpu_back(
    size: tuple[int, int], figures: dict[str, Any], words: str
) -> None:
    plain = (await shown(size, {}, {})).splitlines()
    lines = (await shown(size, figures, {})).splitlines()
    (changed,) = [number for number, line in enumerate(lines) if line != plain[number]]
    assert plain[changed][1:].strip() == "hardware"
    assert lines[changed][1:].startswith("hardware  ")
    assert lines[changed].endswith(f"  {words}")


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_nothing_is_said_where_nothing_holds_it_back(size: tuple[int, int]) -> None:
    plain = await shown(size, {}, {})
    assert await shown(size, {"throttled_by": (), "other_processes": 0}, {}) == plain
    held = {"throttled_by": ("heat",), "other_processes": 3}
    assert await shown(size, {}, held) == plain  # not the GPU that trains


async def test_a_small_screen_shows_the_figures_alone() -> None:
    held = {"throttled_by": ("power", "heat"), "other_processes": 3}
    assert await shown(SIZES[0], held, {}) == await shown(SIZES[0], {}, {})


@pytest.mark.parametrize("width", [80, 99, 100, 120])
async def test_many_cores_leave_room_for_the_memory(width: int) -> None:
    stage = Stage(monitor())
    async with stage.run_test(size=(width, 40)) as pilot:
        await pilot.pause()
        show(stage, story.told(story.STARTED, story.cpu(256)))
        await pilot.pause()
        [line] = [line for line in text(stage).splitlines() if "process 812 MB" in line]
    assert line.endswith("memory 6.2 GB of 16 GB" if width >= 100 else "process 812 MB")
