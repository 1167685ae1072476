"""A scene: a screen, and how it gets to where it is looked at."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from textual.pilot import Pilot
from textual.screen import Screen

from cnntop.core.run_state import RunState
from cnntop.tui.look import Look
from tests.tui.stage import Stage, show

Act = Callable[[Stage, Pilot[None]], Awaitable[None]]


async def nothing(_stage: Stage, _pilot: Pilot[None]) -> None:
    """The screen as it opens."""


class Scene(NamedTuple):
    """`screen` makes it, and what it needs in the current folder, which is an empty one; `act`
    goes on from there."""

    screen: Callable[[], Screen[Any]]
    act: Act = nothing

    async def play(
        self, size: tuple[int, int], seen: Callable[[Stage], str], look: Look | None = None,
        theme: str | None = None,
    ) -> str:  # fmt: skip
        """What `seen` makes of the stage at the end of it."""
        stage = Stage(self.screen(), look)
        async with stage.run_test(size=size) as pilot:
            if theme is not None:
                stage.theme = theme
            await settle(pilot)
            await self.act(stage, pilot)
            return seen(stage)


async def settle(pilot: Pilot[None]) -> None:
    """Until what is read has been shown."""
    await pilot.pause()
    while len(pilot.app.workers):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


async def press(pilot: Pilot[None], *pressed: str) -> None:
    await pilot.press(*pressed)
    await settle(pilot)


def keys(*pressed: str) -> Act:
    """Press them one after the other."""
    return lambda _stage, pilot: press(pilot, *pressed)


def running(state: Callable[[], RunState], *pressed: str) -> Act:
    """Show the monitor a run, then press keys."""

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        stage.state = state()
        show(stage, stage.state)
        await settle(pilot)
        if pressed:
            await press(pilot, *pressed)

    return act


def after(*acts: Act) -> Act:
    """One after the other, each when what came of the one before has been shown."""

    async def act(stage: Stage, pilot: Pilot[None]) -> None:
        for one in acts:
            await one(stage, pilot)

    return act
