"""How often the screen is drawn, as asked for and as the terminal takes it."""

import pytest

from cnntop.tui.look import Look, Refresh
from tests.tui.place import Place


def drawn(refresh: Refresh, looks: str) -> str:
    """`d` where it is drawn; in `looks`, `b` is a look at which the terminal is behind."""
    return "".join("d" if refresh.due(look == "b") else "." for look in looks)


@pytest.mark.parametrize(
    ("hz", "pattern"), [(4, "dddddddd"), (20, "dddddddd"), (2, "d.d.d.d."), (0.5, "d.......")]
)
def test_as_often_as_asked_for(hz: float, pattern: str) -> None:
    refresh = Refresh(Look(hz))
    assert drawn(refresh, "." * 8) == pattern
    assert refresh.slowed_seconds is None


def test_figures_follow_the_refresh_where_it_is_unusual() -> None:
    seconds = {hz: Look(hz).figures_seconds for hz in (0.5, 1, 4, 8, 20)}
    assert seconds == {0.5: 2.0, 1: 1.0, 4: 1.0, 8: 0.5, 20: 0.2}


def test_a_terminal_that_is_behind_is_sent_nothing_and_less_afterwards() -> None:
    refresh = Refresh(Look())
    assert drawn(refresh, ".bbbb.") == "d....d"
    assert refresh.slowed_seconds == 0.5, "one late drawing counts once"
    assert drawn(refresh, "b.......") == "...d...d"
    assert refresh.slowed_seconds == 1.0


def test_it_recovers_by_itself() -> None:
    refresh = Refresh(Look())
    for _ in range(3):
        drawn(refresh, "." * 16 + "b")
    slow = refresh.slowed_seconds
    assert slow is not None
    assert "d" in drawn(refresh, "." * 200)
    assert refresh.slowed_seconds is None
    assert drawn(refresh, "....") == "dddd"


def test_it_never_gets_slower_than_it_can_recover_from() -> None:
    refresh = Refresh(Look())
    for _ in range(200):
        drawn(refresh, "." * 40 + "b")
    assert refresh.slowed_seconds is not None
    assert refresh.slowed_seconds <= 8.0


@pytest.mark.parametrize("hz", ["0.4", "21", "often"])
def test_another_refresh_is_a_mistake_that_is_told(place: Place, hz: str) -> None:
    for verb in ("run", "watch"):
        answer = place.run(verb, "--refresh", hz)
        assert answer.code == 2
        assert "--refresh" in answer.err
        assert "Traceback" not in answer.err
