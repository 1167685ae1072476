"""What a screen says where it does not fit, instead of showing half of itself."""

from textual.widgets import Static

COLUMNS = 60
LINES = 15
"""The least a screen needs."""


class TooSmall(Static):
    """Hidden until the terminal is below the least; see app.tcss."""

    def __init__(self, meanwhile: str) -> None:
        super().__init__(
            f"This window is too small.\ncnntop needs {COLUMNS} columns and {LINES} lines.\n"
            f"{meanwhile}",
            id="too-small",
            markup=False,
        )
