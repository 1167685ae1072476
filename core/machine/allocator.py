"""The C library's allocator, set for training."""

import ctypes
from contextlib import suppress

_ARENA_MAX, _MMAP_MAX, _TRIM_THRESHOLD = -8, -4, -1
"""glibc's M_ARENA_MAX, M_MMAP_MAX and M_TRIM_THRESHOLD."""


def keep_to_one_arena() -> None:
    """Have all threads that begin from now on take memory from one place.

    glibc gives each thread an arena of its own. What one thread frees of another's then stays there
    unused: measured, a run on the screen grew by 150 MB within a minute. Elsewhere than on glibc
    this does nothing.
    """
    _set(_ARENA_MAX, 1)


def keep_freed_memory() -> None:
    """Have memory that is freed from now on stay with the process, for what asks next.

    glibc gives large pieces back at once, and every step of a network gets its memory anew, as
    pages that the kernel has to clear: measured 7,600 of them a step of ShallowNet 128, and 3 so.
    Elsewhere than on glibc this does nothing.
    """
    _set(_MMAP_MAX, 0)  # nothing has a mapping of its own, which would go when it is freed
    _set(_TRIM_THRESHOLD, -1)  # and the heap never shrinks


def _set(parameter: int, value: int) -> None:
    """glibc alone signs its functions so; others may give these numbers another meaning."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        _ = library.gnu_get_libc_version
        library.mallopt(parameter, value)
