"""`cnntop report sweep`: accuracy over two keys of the recipe, and against seconds."""

from cnntop.core.analysis.colour_scale import colour, is_light, share_between
from cnntop.core.analysis.figure import FAINT, INK, PALETTE, Axis, Figure, shortened, text_width
from cnntop.core.analysis.report.batch_size import EQUAL_TIME
from cnntop.core.analysis.report.sweep import Cell, Choice, HeatMap, SweepReport
from cnntop.tui.format import NOT_MEASURED, clock
from cnntop.tui.reports.page import CHANGED, Part, Table, Words, left_out, plural, with_spread

CSV_COLUMNS = (
    "machine", "trained_on", "dataset", "network", "details", "x", "x_value", "y", "y_value",
    "test_accuracy", "low", "high", "runs", "seconds",
)  # fmt: skip

_CELL_WIDTH, _CELL_HEIGHT, _FRONT_HEIGHT, _WIDTH = 74, 40, 260, 720


def parts(report: SweepReport) -> list[Part]:
    found: list[Part] = []
    if not report.maps:
        found.append(
            Words(
                f"Not measured: no two runs in these folders differ in nothing but {report.x}, "
                f"{report.y} and seed."
            )
        )
    for heat_map in report.maps:
        found += [_table(heat_map), Words(_words(heat_map))]
    for choice in report.choices:
        found += [_front(choice), Words(_beaten(choice))]
    alone = f"alone, with no other that differs in {report.x} and {report.y} only"
    counts = {
        alone: report.single if report.maps else 0,
        "without an accuracy": report.unmeasured,
        CHANGED: report.changed,
    }
    return [*found, *left_out(counts)]


def heading(heat_map: HeatMap) -> str:
    return f"Test accuracy in %: {_what(heat_map)}, {_where(heat_map)}"


def _what(heat_map: HeatMap) -> str:
    told = [f"{heat_map.network} on {heat_map.dataset}", heat_map.details]
    return ", ".join(filter(None, told))


def _where(of: HeatMap | Choice) -> str:
    return f"trained on {of.trained_on} of {of.machine}"


def _table(heat_map: HeatMap) -> Table:
    rows, shades = [], {}
    for row, y_value in enumerate(heat_map.y_values):
        cells = [heat_map.cells.get((x_value, y_value)) for x_value in heat_map.x_values]
        rows.append([f"{heat_map.y} {y_value}", *map(_accuracy, cells)])
        for column, cell in enumerate(cells, 1):
            if cell:
                shades[row, column] = _share(heat_map, cell)
    headings = [f"{heat_map.x}:", *heat_map.x_values]
    return Table(heading(heat_map), headings, rows, shades=shades)


def _accuracy(cell: Cell | None) -> str:
    return with_spread(cell.test_accuracy if cell else None, 100, 1)


def _share(heat_map: HeatMap, cell: Cell) -> float:
    means = [one.test_accuracy.mean for one in heat_map.cells.values()]
    return share_between(cell.test_accuracy.mean, min(means), max(means))


def _words(heat_map: HeatMap) -> str:
    x_value, y_value = heat_map.best
    best = f"{_accuracy(heat_map.cells[heat_map.best])} %"
    told = [f"Best: {heat_map.x} {x_value}, {heat_map.y} {y_value} with {best}."]
    if heat_map.seconds is None:
        told.append("How long they trained was not measured.")
    else:
        low, high = heat_map.seconds
        times = clock(low) if clock(low) == clock(high) else f"{clock(low)} to {clock(high)}"
        equal = "equal time" if high <= EQUAL_TIME * low else "not equal time"
        told.append(f"Trained for {times} each: {equal}.")
    counts = {cell.test_accuracy.n for cell in heat_map.cells.values()}
    told.append(
        f"Runs a cell: {min(counts)}." if len(counts) == 1
        else f"Runs a cell: {min(counts)} to {max(counts)}."
    )  # fmt: skip
    if max(counts) < 3:
        told.append("Too few for intervals: neighbours may differ by chance.")
    return " ".join(told)


def _front(choice: Choice) -> Table:
    rows = [
        [one.label, clock(one.seconds), with_spread(one.test_accuracy, 100, 2)]
        for one in choice.candidates
        if one.is_on_front
    ]
    title = (
        f"Most accuracy for the time (Pareto front): {choice.dataset}, trained on "
        f"{choice.trained_on} of {choice.machine}"
    )
    return Table(title, ["settings", "trained", "test accuracy %"], rows)


def _beaten(choice: Choice) -> str:
    beaten = sum(not one.is_on_front for one in choice.candidates)
    if not beaten:
        return "Nothing else was trained there."
    verb = "is" if beaten == 1 else "are"
    return (
        f"{plural(beaten, 'other setting')} {verb} beaten by one of these: more accurate in no "
        "more time (times within 10 % count as equal)."
    )


def csv_rows(report: SweepReport) -> list[dict[str, object]]:
    """A row for every cell of the heat maps."""
    return [
        {
            "machine": heat_map.machine,
            "trained_on": heat_map.trained_on,
            "dataset": heat_map.dataset,
            "network": heat_map.network,
            "details": heat_map.details,
            "x": heat_map.x,
            "x_value": x_value,
            "y": heat_map.y,
            "y_value": y_value,
            "test_accuracy": cell.test_accuracy.mean,
            "low": cell.test_accuracy.low,
            "high": cell.test_accuracy.high,
            "runs": cell.test_accuracy.n,
            "seconds": cell.seconds,
        }
        for heat_map in report.maps
        for x_value in heat_map.x_values
        for y_value in heat_map.y_values
        if (cell := heat_map.cells.get((x_value, y_value)))
    ]


def picture(report: SweepReport) -> str:
    """The heat maps, and below them accuracy against seconds with the front, where times differ."""
    scatters = [choice for choice in report.choices if not choice.is_equal_time]
    heights = [_CELL_HEIGHT * len(one.y_values) + 110 for one in report.maps]
    widest = max((len(one.x_values) for one in report.maps), default=0)
    width = max(_WIDTH, 140 + _CELL_WIDTH * widest)
    note = "in %, the best bold; ±: interval of 95 % of the mean, from 3 seeds; (2): mean of two"
    figure = Figure(
        width, 84 + sum(heights) + (_FRONT_HEIGHT + 120) * len(scatters),
        f"Test accuracy over {report.x} and {report.y}", note,
    )  # fmt: skip
    top = 76.0
    for heat_map, height in zip(report.maps, heights, strict=True):
        _heat_map(figure, top, heat_map)
        top += height
    for choice in scatters:
        _scatter(figure, top, width, choice)
        top += _FRONT_HEIGHT + 120
    return figure.svg()


def _heat_map(figure: Figure, top: float, heat_map: HeatMap) -> None:
    columns, rows = heat_map.x_values, heat_map.y_values
    across, up = Axis.of_names(heat_map.x, columns), Axis.of_names(heat_map.y, rows[::-1])
    size = _CELL_WIDTH * len(columns), _CELL_HEIGHT * len(rows)
    _titled(figure, top, _what(heat_map), _where(heat_map))
    plot = figure.plot(100, top + 24, *size, across, up)
    for column, x_value in enumerate(columns):
        for row, y_value in enumerate(rows):
            cell = heat_map.cells.get((x_value, y_value))
            y = len(rows) - row
            middle = plot.x(column + 0.5), plot.y(y - 0.5) + 4
            if cell is None:
                figure.text(*middle, NOT_MEASURED, anchor="middle", colour=FAINT)
                continue
            share = _share(heat_map, cell)
            plot.box(column, y - 1, column + 1, y, colour(share), edge="#ffffff")
            ink = INK if is_light(share) else "#ffffff"
            is_best = (x_value, y_value) == heat_map.best
            figure.text(*middle, _accuracy(cell), anchor="middle", colour=ink, bold=is_best)


def _titled(figure: Figure, top: float, what: str, where: str) -> None:
    figure.text(16, top, shortened(what, figure.width - 32), bold=True)
    figure.text(16, top + 16, shortened(where, figure.width - 32), colour=FAINT)


def _scatter(figure: Figure, top: float, width: float, choice: Choice) -> None:
    found = choice.candidates
    across = Axis.over("seconds (logarithmic)", [one.seconds for one in found], log=True)
    up = Axis.over("test accuracy (%)", [100 * one.test_accuracy.mean for one in found])
    _titled(figure, top, f"Accuracy against time: {choice.dataset}", _where(choice))
    plot = figure.plot(80, top + 48, width - 120, _FRONT_HEIGHT, across, up)
    for one in found:
        if not one.is_on_front:
            at = one.seconds, 100 * one.test_accuracy.mean
            plot.dot(*at, PALETTE[5], 3)
    front = [(one.seconds, 100 * one.test_accuracy.mean) for one in found if one.is_on_front]
    plot.line(front, PALETTE[1], "Pareto front")
    for at, one in zip(front, (one for one in found if one.is_on_front), strict=True):
        plot.dot(*at, PALETTE[1], 4)
        x, y = plot.x(at[0]), plot.y(at[1])
        # Nothing is above and left of the front but the frame's end.
        if x - 7 - text_width(one.label, 10) > plot.left:
            figure.text(x - 7, y - 5, one.label, anchor="end", size=10)
        else:
            figure.text(x + 7, y + 11, one.label, size=10)
    plot.legend()
