"""What is said beside a command's output."""

import sys


def complain(message: str) -> None:
    """A message on standard error, after the program's name."""
    sys.stderr.write(f"cnntop: {message}\n")
