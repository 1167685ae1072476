"""Errors a person can act on: one message that says what is wrong, where, and what to do."""

from typing import Literal


class CnntopError(Exception):
    """A person's mistake or a missing thing; shown as its message alone, never as a traceback."""

    exit_code = 1
    status: Literal["failed", "diverged", "out-of-memory"] = "failed"
    """How a run that it ends has ended."""


class UsageError(CnntopError):
    """The command, recipe, device or folder that was asked for cannot be used as it stands."""

    exit_code = 2


class RecipeError(UsageError):
    """A preset or recipe is wrong; the message names the key."""


class DatasetError(CnntopError):
    """The dataset is not here and could not be had."""

    exit_code = 3


class DivergedError(CnntopError):
    """The loss is no longer a finite number."""

    status = "diverged"


class OutOfMemoryError(CnntopError):
    """The run does not fit into the device's memory."""

    status = "out-of-memory"


class Cancelled(Exception):  # noqa: N818 - nothing went wrong: a person asked for it
    """A long preparation was asked to stop and did, leaving nothing half-made behind."""
