"""What the terminal can do."""

import os
import sys


def has_screen() -> bool:
    """Whether a full screen can be drawn: a terminal on both ends that understands escapes."""
    return (
        sys.stdin.isatty()
        and sys.stdout.isatty()
        and os.environ.get("TERM", "dumb") not in ("dumb", "")
    )
