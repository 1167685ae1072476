"""The ghost: how the run stands against an earlier one, and where it is going."""

from collections.abc import Sequence
from typing import NamedTuple

from textual.content import Content

from cnntop.core.analysis.accuracy_projection import INTERVAL, LEAST_POINTS
from cnntop.core.analysis.ghost import Gap, Ghost, Standing
from cnntop.core.run_state import RunState
from cnntop.tui.format import NOT_MEASURED, clock, figure, percent
from cnntop.tui.ghost_race import HIDDEN, GhostRace, Outlook, Race
from cnntop.tui.widgets.panel import FAINT, STYLES, Frame, Panel

Parts = list[tuple[str, str]]
_APART = "  "
_LABEL = 11
_AHEAD, _BEHIND = "bold $success", "bold $warning"
_ARRANGED = {
    1: ((1, 2, 3),),
    2: ((0, 1, 2), (3, 4)),
    3: ((0,), (1, 2), (3, 4)),
    4: ((0,), (1,), (2,), (3, 4)),
}
"""Which facts share a line, by how many lines there are; from five on each has its own."""


class Fact(NamedTuple):
    """Something to tell: a label, and text as parts with styles, in full and short."""

    label: str
    whole: Parts
    short: Parts


class GhostPanel(Panel):
    """Two to five lines, of a run that somebody holds against the earlier ones; else there is the
    projection alone."""

    def __init__(self) -> None:
        super().__init__("ghost")
        self.race = GhostRace()

    def hold_against(self, race: GhostRace) -> None:
        self.race = race
        self.add_class("-racing")

    def wanted_lines(self, _state: RunState) -> int:
        return 5 if self.race.ghost is not None else 2

    def lines(self, state: RunState, frame: Frame) -> Sequence[Content]:
        facts = _facts(self.race, self.race.race(state, frame.now), state)
        arranged = _ARRANGED.get(frame.height) or [(number,) for number in range(5)]
        lines = [_line([facts[number] for number in row], frame.width) for row in arranged]
        return [line for line in lines if line.plain.strip()]


def _line(facts: Sequence[Fact], width: int) -> Content:
    facts = [fact for fact in facts if fact.whole]
    if len(facts) == 1 and facts:
        return _whole(facts[0])
    whole = _joined([[(f" {fact.label} ", "bold"), *fact.whole] for fact in facts])
    if whole.cell_length <= width:
        return whole
    return _joined([[(f" {fact.label} ", "bold"), *fact.short] for fact in facts])


def _whole(fact: Fact) -> Content:
    return Content.assemble((f" {fact.label:<{_LABEL}}", "bold"), *fact.whole)


def _joined(pieces: Sequence[Parts]) -> Content:
    parts: Parts = []
    for piece in pieces:
        parts += [(_APART, ""), *piece] if parts else piece
    return Content.assemble(*parts)


def _facts(chooser: GhostRace, race: Race, state: RunState) -> list[Fact]:
    """The ghost, both gaps, the end and the target; what there is nothing to say of has no text."""
    nothing = Fact("", [], [])
    if race.ghost is None:
        gaps = [_no_ghost(chooser, state), nothing, nothing]
    else:
        gaps = [_ghost(race.ghost, state), *_gaps(race.ghost, race)]
    if state.ended is not None:
        return [*gaps, _end_of_both(race.ghost, state), nothing]
    return [*gaps, _projected(race.outlook, race.ghost), _target(race.outlook, state)]


def _no_ghost(chooser: GhostRace, state: RunState) -> Fact:
    if chooser.chosen == HIDDEN:
        text = "none (g chooses one)"
    elif chooser.rows is None:
        text = NOT_MEASURED if state.started is None else "reading the earlier runs"
    else:
        text = "no earlier run of this dataset"
    return Fact("ghost", [(text, FAINT)], [(text, FAINT)])


def _ghost(ghost: Ghost, state: RunState) -> Fact:
    best = percent(ghost.best_test_accuracy, 2)
    device = state.started.device_name if state.started else ""
    elsewhere = f" on {ghost.device_name}" if ghost.device_name not in ("", device) else ""
    name = (ghost.name, STYLES["ghost"])
    whole = [name, (f"  best {best} in {clock(ghost.seconds)}{elsewhere}", ""),
             (f"  {ghost.run}", FAINT)]  # fmt: skip
    return Fact("ghost", whole, [name, (f" {best}", "")])


_TOO_EARLY = "it was not evaluated by then"


def _gaps(ghost: Ghost, race: Race) -> list[Fact]:
    own = race.own
    if own is None or race.by_epoch is None or race.by_seconds is None:
        waits: Parts = [("after the first evaluation", FAINT)]
        return [Fact("epoch", waits, [(NOT_MEASURED, "")]), Fact("", [], [])]
    labels = f"epoch {own.epoch:.4g}", f"at {clock(own.seconds)}"
    last, first = ghost.epochs[-1], ghost.points("test_accuracy")[:1]
    told = [f"it ended after {last.epoch:.4g} epochs", f"it was over after {clock(last.seconds)}"]
    if first:
        early = own.epoch < first[0].epoch, own.seconds < first[0].seconds
        told = [_TOO_EARLY if too else why for too, why in zip(early, told, strict=True)]
    return [
        Fact(label, _gap(gap, own, why, whole=True), _gap(gap, own, why, whole=False))
        for label, gap, why in zip(labels, (race.by_epoch, race.by_seconds), told, strict=True)
    ]


def _gap(gap: Gap, own: Standing, why_none: str, whole: bool) -> Parts:
    difference = gap.test_accuracy
    if difference is None:
        return [(NOT_MEASURED, ""), *([(f"  {why_none}", FAINT)] if whole else [])]
    unit = "points" if whole else "pt"
    parts: Parts = [(f"{100 * difference:+.2f} {unit}", _AHEAD if difference >= 0 else _BEHIND)]
    if whole:
        loss = "" if gap.test_loss is None else f" ({gap.test_loss:+.3g})"
        parts = [(f"{percent(own.test_accuracy, 2)}  ", ""), *parts,
                 (f"  test loss {figure(own.test_loss)}{loss}", "")]  # fmt: skip
    return parts


def _projected(outlook: Outlook, ghost: Ghost | None) -> Fact:
    end = outlook.end
    if end is None:
        text = f"{NOT_MEASURED}  after {LEAST_POINTS} evaluations, now {outlook.points}"
        return Fact("projected", [(text, FAINT)], [(NOT_MEASURED, "")])
    reach = f"{100 * end.low:.1f} to {percent(end.high)}"
    shape = f"as {ghost.name} went" if outlook.as_ghost and ghost else "at the present pace"
    middle = (percent(end.middle), "bold")
    whole = [
        middle, (f" at epoch {outlook.end_epoch:.4g}", ""),
        (f"  {percent(INTERVAL, 0)} sure: {reach}", ""), (f"  {shape}", FAINT),
    ]  # fmt: skip
    return Fact("projected", whole, [middle, (f" ({reach})", "")])


def _target(outlook: Outlook, state: RunState) -> Fact:
    if outlook.target is None or outlook.end is None:
        return Fact("", [], [])
    label = f"to {percent(outlook.target, 0)}"
    epoch, pace = outlook.target_epoch, state.complete_epoch_seconds.value
    if epoch is None or pace is None:
        return Fact(
            label, [("not reached by this projection", "")], [("not reached", "")]
        )  # fmt: skip
    left = clock(max(0.0, epoch - state.epochs) * pace)
    return Fact(label, [(f"in about {left}, at epoch {epoch:.1f}", "")], [(f"in {left}", "")])


def _end_of_both(ghost: Ghost | None, state: RunState) -> Fact:
    best = state.best_test_accuracy
    if best is None:
        return Fact("", [], [])
    parts: Parts = [(percent(best, 2), "bold")]
    if ghost is not None and ghost.best_test_accuracy is not None:
        gap = Gap(best - ghost.best_test_accuracy, None)
        parts += [("  ", ""), *_gap(gap, Standing(0, 0, best, None), "", whole=False),
                  (" against its best", "")]  # fmt: skip
    return Fact("best", parts, parts)
