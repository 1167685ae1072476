"""Python's garbage collector stays out of the way until the first frame: nearly all that a start
makes stays, and looking through it again and again takes an eighth of the time until then."""

import gc


def hold() -> None:
    gc.disable()


def release() -> None:
    """Collect as usual again, but never look at what is there by now. Does nothing the second
    time."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
