"""The monitor: one run, live, in one of several layouts."""

from pathlib import Path
from typing import ClassVar, NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from cnntop.core.recipe import Recipe
from cnntop.core.run_state import RunState
from cnntop.core.runs.folder import RunInfo
from cnntop.core.settings import Settings
from cnntop.tui.axis_view import AxisView
from cnntop.tui.keys import MONITOR_KEYS, Key, bindings
from cnntop.tui.layouts import layout_named, next_layout
from cnntop.tui.look import Look
from cnntop.tui.screen_app import SettingsChanged
from cnntop.tui.widgets.axis_panel import AxisPanel
from cnntop.tui.widgets.charts import axis_panels
from cnntop.tui.widgets.config import ConfigPanel
from cnntop.tui.widgets.ghost import GhostPanel
from cnntop.tui.widgets.hardware import HardwarePanel
from cnntop.tui.widgets.header import RunHeader
from cnntop.tui.widgets.kept import Kept
from cnntop.tui.widgets.key_line import KeyLine
from cnntop.tui.widgets.log import LogPanel
from cnntop.tui.widgets.notices import NoticesPanel
from cnntop.tui.widgets.panel import Panel
from cnntop.tui.widgets.panel_field import PanelField
from cnntop.tui.widgets.progress import RunProgress
from cnntop.tui.widgets.scrolled import ScrolledPanel
from cnntop.tui.widgets.split import SplitPanel
from cnntop.tui.widgets.too_small import TooSmall


class MonitorScreen(Screen[None], Kept):
    """Shows what it is handed; what keys do to the run is the app's affair, what they do to the
    panels is decided here.

    What happens is drawn as soon as a state comes that tells of it, and while nothing trains, so is
    progress. Figures are drawn once a second: faster nobody reads them, and the training stands
    still for as long as they are drawn, because the two share the interpreter.
    """

    KEYS: ClassVar[tuple[Key, ...]] = MONITOR_KEYS
    BINDINGS: ClassVar[list[BindingType]] = bindings(MONITOR_KEYS)
    AUTO_FOCUS = ""

    def __init__(
        self,
        title: str,
        subtitle: str,
        settings: Settings | None = None,
        look: Look | None = None,
    ) -> None:
        super().__init__()
        settings, look = settings or Settings(), look or Look()
        self.axis = AxisView(plain=look.ascii_only)
        self._figures_seconds = look.figures_seconds
        self._drawn: _Occasion | None = None
        self._focus_due = False
        self._shown = (RunState(), 0.0)
        self._hidden = dict(settings.hidden)
        self._view = layout_named(settings.layout)
        self._header = RunHeader(title, subtitle)
        self._progress = RunProgress()
        self._config = ConfigPanel()
        self.ghost_panel = GhostPanel()
        self._keys = KeyLine(self.KEYS)
        self._field = PanelField(self._panels(), self._view, self._switched_off)

    def _panels(self) -> list[Panel]:
        """In the order that Tab goes."""
        return [
            *axis_panels(self.axis).values(),
            SplitPanel(),
            self.ghost_panel,
            HardwarePanel(),
            NoticesPanel(),
            LogPanel(),
            self._config,
        ]

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._progress
        yield self._field
        yield TooSmall("The run goes on; q stops or leaves.")
        yield self._keys

    def on_mount(self) -> None:
        self._begin_layout()
        self._show_all()

    def configure(self, recipe: Recipe, info: RunInfo | None, folder: Path | None) -> None:
        """Take what the run is, as far as it is known."""
        self._config.configure(recipe, info, folder)

    def remark(self, text: str) -> None:
        """Say something of the screen itself, in the header; empty: nothing."""
        if text != self._header.remark:
            self._header.remark = text
            self._header.show(*self._shown)

    def show(self, state: RunState, now: float) -> None:
        """Hand the panels the run's state; `now` is on the stream's clock."""
        self._shown = (state, now)
        occasion = _Occasion.of(state, now, self._figures_seconds)
        if occasion == self._drawn:
            if state.phase != "training":
                self._progress.show(state, now)
            return
        self._drawn = occasion
        self._field.fit(state)
        self._show_all()

    def take_ghost(self) -> None:
        """There is something new about the run that this one is held against."""
        self.axis.hold_against(self.ghost_panel.race.curves(self._shown[0]))
        self._field.fit(self._shown[0])
        self._show_all()

    def _show_all(self) -> None:
        for panel in (self._header, self._progress, *self._field.displayed_panels, self._keys):
            panel.show(*self._shown)

    @property
    def _switched_off(self) -> tuple[str, ...]:
        return self._hidden.get(self._view.name, ())

    def _begin_layout(self) -> None:
        self._field.show_layout(self._view, self._switched_off)
        self._focus_due = True
        self._focus_first()

    def _focus_first(self) -> None:
        """Where the one thing to do is to scroll, arrows should do it at once; as soon as a new
        layout has its panels."""
        first = self._view.places[0].panel
        panels = {panel.id: panel for panel in self._field.displayed_panels}
        if not self._focus_due or not panels:
            return
        self._focus_due = False
        self.set_focus(panel if isinstance(panel := panels.get(first), ScrolledPanel) else None)

    def on_panel_field_rearranged(self) -> None:
        off = [panel for panel in self._field.numbered if panel in self._switched_off]
        self._focus_first()
        self._keys.tell(self._view.name, len(self._field.left_out), len(off), self._field.alone)
        self.call_after_refresh(self._show_all)

    def on_key_line_clicked(self, event: KeyLine.Clicked) -> None:
        self.call_later(self.run_action, event.action)

    def on_click(self, event: events.Click) -> None:
        if event.chain == 2 and isinstance(event.widget, Panel) and event.widget.can_focus:
            self.action_toggle_alone()

    def action_axis(self, change: str, *amount: float) -> None:
        """Change the time axis as its method of that name does."""
        getattr(self.axis, change)(*amount)
        self.on_axis_panel_changed()

    def on_axis_panel_changed(self) -> None:
        for panel in self._field.displayed_panels:
            if isinstance(panel, AxisPanel):
                panel.again()

    def action_step_layout(self, steps: int) -> None:
        """To the next layout, or with -1 to the one before."""
        self.action_show_layout(next_layout(self._view, steps).name)

    def action_show_layout(self, name: str) -> None:
        self._view = layout_named(name)
        self._begin_layout()
        self.post_message(SettingsChanged(layout=self._view.name))

    def action_toggle_panel(self, number: int) -> None:
        """Show or hide the panel with that digit."""
        panels = self._field.numbered
        if self._field.alone is not None or number > len(panels):
            return
        panel, off = panels[number - 1], self._switched_off
        changed = tuple(p for p in off if p != panel) if panel in off else (*off, panel)
        self._hidden[self._view.name] = changed
        self._field.show_layout(self._view, changed)
        self.post_message(SettingsChanged(hidden=dict(self._hidden)))

    def action_toggle_alone(self) -> None:
        """The panel with the focus, else the first, on the whole screen; or back."""
        panel = self.focused if isinstance(self.focused, Panel) else None
        if self._field.alone is None and panel is None and self._field.displayed_panels:
            panel = self._field.displayed_panels[0]
            self.set_focus(panel)
        self._field.show_alone(panel.id if panel and self._field.alone is None else None)

    def action_back(self) -> None:
        self.step_back()

    def step_back(self) -> bool:
        """Out of what was opened last; returns whether anything was."""
        if self._field.alone is not None:
            self._field.show_alone(None)
            return True
        if self.axis.hide_cursor():
            self.on_axis_panel_changed()
            return True
        if self.focused is not None:
            self.set_focus(None)
            return True
        return False


class _Occasion(NamedTuple):
    """The second, and what came last of all that happens now and then."""

    second: int
    state: int
    phase: str
    epoch: int
    logged: int

    @classmethod
    def of(cls, state: RunState, now: float, figures_seconds: float) -> "_Occasion":
        second = int(now / figures_seconds)
        return cls(second, id(state), state.phase, state.epoch, state.logged)
