"""Textual's pilot waits until the process uses little CPU. On a busy machine that is also so when
it only does not get any, and a test would look at the screen too early."""

import asyncio
from time import monotonic, process_time

QUIET_TURNS = 4
TURN_SECONDS = 0.005
IDLE_SHARE = 0.05


async def settled(min_sleep: float = 0.0, max_sleep: float = 10.0) -> None:
    """In place of `wait_for_idle`: until the event loop has had nothing to do for some turns in a
    row, which cover a frame of the screen, and no thread works. Seconds."""
    loop = asyncio.get_running_loop()
    begun = monotonic()
    quiet = 0
    cpu, since = process_time(), begun
    while (now := monotonic()) < begun + max_sleep:
        await asyncio.sleep(TURN_SECONDS)
        quiet = 0 if loop._ready else quiet + 1  # type: ignore[attr-defined]
        if quiet < QUIET_TURNS or now < begun + min_sleep:
            continue
        if process_time() - cpu < IDLE_SHARE * (monotonic() - since):
            return
        cpu, since, quiet = process_time(), monotonic(), 0
