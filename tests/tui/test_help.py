"""The help pages: no line is cut, and what is said of a key stands in a column of its own."""

import pytest

from cnntop.tui.keys import MONITOR_KEYS
from cnntop.tui.screens import compare_help
from cnntop.tui.screens.help import fitted_page, page
from cnntop.tui.screens.picker_help import PICKER_HELP
from cnntop.tui.watch_run import WatchScreen

PAGES = {
    "monitor": page(MONITOR_KEYS), "watch": page(WatchScreen.KEYS), "picker": PICKER_HELP,
    "runs": compare_help.RUNS, "curves": compare_help.CURVES, "recipes": compare_help.RECIPES,
}  # fmt: skip


@pytest.mark.parametrize("name", PAGES)
def test_help_fits_a_small_screen(name: str) -> None:
    for line in PAGES[name].splitlines():
        assert len(line) <= 68, line
    assert fitted_page(PAGES[name], 68) == PAGES[name]
    for line in fitted_page(PAGES[name], 49).splitlines():
        assert len(line) <= 49, line


def test_help_keeps_its_columns_where_lines_are_cut() -> None:
    text = (
        "The run\n  q     stop now, or leave\n        the screen\n\nAll else is as it was before."
    )
    assert fitted_page(text, 20).splitlines() == [
        "The run", "  q     stop now, or", "        leave the", "        screen", "",
        "All else is as it", "was before.",
    ]  # fmt: skip
