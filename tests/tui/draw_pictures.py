"""Draws the README's pictures into tui/pictures, from a run on real images whose log is kept in
tests/recorded. `make pictures` does it."""

import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cnntop.core.events import Record
from cnntop.core.run_state import RunState
from cnntop.core.runs.log import read_log
from cnntop.tui import app as program
from cnntop.tui.themes import NAMES
from tests.tui.kept_picture import same_each_time
from tests.tui.stage import Stage, monitor, show

RECORDED = Path(__file__).parents[1] / "recorded" / "events.jsonl"
FOLDER = Path(program.__file__).with_name("pictures")


@dataclass(frozen=True)
class Picture:
    """The monitor after `share` of the recorded run's events, once `keys` were pressed."""

    name: str
    size: tuple[int, int] = (120, 40)
    share: float = 1.0
    keys: tuple[str, ...] = ()


PICTURES = (
    Picture("monitor", share=0.62),
    Picture("charts", keys=("v", "left", *["shift+left"] * 4)),
    Picture("small", (60, 15), share=0.62),
)


def main() -> None:
    if not RECORDED.is_file():
        sys.exit(f"there is no {RECORDED.name} in {RECORDED.parent.name}: `make recording` first")
    records = list(read_log(RECORDED))
    with tempfile.TemporaryDirectory() as config:
        os.environ["CNNTOP_CONFIG"] = config  # nobody's own settings
        for picture in PICTURES:
            svg = asyncio.run(drawn(picture, records))
            (FOLDER / f"{picture.name}.svg").write_text(svg, encoding="utf-8")
            print(f"{picture.name}.svg")  # noqa: T201


async def drawn(picture: Picture, records: list[Record]) -> str:
    """As SVG."""
    state = RunState()
    state.apply_all(records[: round(picture.share * len(records))])
    stage = Stage(monitor())
    async with stage.run_test(size=picture.size) as pilot:
        stage.theme = NAMES[0]
        show(stage, state)
        await pilot.pause()
        await pilot.press(*picture.keys)
        show(stage, state)
        await pilot.pause()
        return same_each_time(stage.export_screenshot())


if __name__ == "__main__":
    main()
