"""`cnntop report batch-size`: what the paper claims of large minibatches, and what was measured."""

from collections.abc import Callable

from cnntop.core.analysis.figure import FAINT, PALETTE, Axis, Figure, shortened
from cnntop.core.analysis.report.batch_size import BatchRow, BatchSizes, Claim, Series
from cnntop.core.analysis.report.difference import Difference
from cnntop.core.analysis.statistics import CONFIDENCE, MIN_RUNS, Spread
from cnntop.tui.format import NOT_MEASURED, clock, percent
from cnntop.tui.reports.page import (
    CHANGED,
    Part,
    Table,
    Words,
    left_out,
    seconds_figure,
    with_spread,
)

CSV_COLUMNS = (
    "source", "machine", "trained_on", "augmented_on", "dataset", "model", "limit", "details",
    "batch_size", "runs", "seconds_low", "seconds_high", "epoch_seconds", "epoch_seconds_low",
    "epoch_seconds_high", "wait_fraction", "wait_fraction_low", "wait_fraction_high",
    "test_accuracy", "test_accuracy_low", "test_accuracy_high",
)  # fmt: skip

_CLAIMS = {
    "epochs": "larger minibatches make epochs slower",
    "wait": "with larger minibatches the network waits more for augmentation",
    "accuracy": "larger minibatches reach less accuracy in the same time",
}
_SHORT_CLAIMS = {"epochs": "slower epochs", "wait": "more wait", "accuracy": "less accuracy"}
_PANELS: tuple[tuple[str, Callable[[BatchRow], Spread | None], float, float | None], ...] = (
    ("epoch (s)", lambda row: row.epoch_seconds, 1.0, None),
    ("wait (%)", lambda row: row.wait_fraction, 100.0, None),
    ("test accuracy (%)", lambda row: row.test_accuracy, 100.0, 2.0),
)
"""What is drawn, times what, and how much is left free above and below; None begins at 0."""
_TALLY = "The paper's claims of larger minibatches, in how many series of runs"
_PANEL_WIDTH, _SERIES_HEIGHT = 210, 250


def parts(report: BatchSizes) -> list[Part]:
    found: list[Part] = []
    if all(series.is_papers for series in report.series):
        found.append(
            Words(
                "Not measured: no two runs in these folders differ in nothing but batch size (and "
                "seed)."
            )
        )
    if sum(not series.is_papers for series in report.series) > 1:
        found.append(_tally(report))
    for series in report.series:
        found.append(_table(series))
        found += [
            Words(sentence(claim, series))
            for claim in series.claims
            if not (series.is_papers and claim.lacks_figures)
        ]
        if series.is_equal_time and series.best:
            best = series.best
            found.append(
                Words(
                    f"Most accurate in {_time(series)}: batch {best.batch_size}, "
                    f"{_accuracy(best.test_accuracy)}."
                )
            )
    if any(row.runs > 1 for series in report.series for row in series.rows):
        found.append(
            Words(
                f"±: interval of {100 * CONFIDENCE:.0f} % of the mean of {MIN_RUNS} or more runs; "
                "(2): mean of two, too few for one."
            )
        )
    why = "alone, with no other that differs in batch size only"
    return [*found, *left_out({why: report.single, CHANGED: report.changed})]


def _tally(report: BatchSizes) -> Table:
    claims = [claim for series in report.series if not series.is_papers for claim in series.claims]
    verdicts = ("holds", "does not hold", "undecided", "too few runs", "not measured")
    rows = []
    for subject, said in _SHORT_CLAIMS.items():
        found = [_verdict(claim) for claim in claims if claim.subject == subject]
        rows.append([said, *(str(found.count(verdict)) for verdict in verdicts)])
    return Table(_TALLY, ["larger minibatches:", *verdicts], rows)


def _verdict(claim: Claim) -> str:
    if claim.measured is not None and claim.measured.low is None:
        return "too few runs"
    return claim.verdict


def heading(series: Series) -> str:
    machine = f"the paper's {series.machine}" if series.is_papers else series.machine
    told = [
        f"{series.model} on {series.dataset}",
        f"trained on {series.trained_on} of {machine}",
        f"augmented on {series.augmented_on}" if series.augmented_on != series.trained_on else "",
        series.limit,
        series.details,
    ]
    return ", ".join(filter(None, told))


def _table(series: Series) -> Table:
    rows = [
        [
            str(row.batch_size),
            str(row.runs),
            _range(row.seconds),
            with_spread(row.epoch_seconds),
            with_spread(row.wait_fraction, 100, 1),
            with_spread(row.test_accuracy, 100, 2),
        ]
        for row in series.rows
    ]
    headings = ["batch", "runs", "trained", "epoch s", "wait %", "test accuracy %"]
    return Table(heading(series), headings, rows)


def _range(seconds: tuple[float, float] | None) -> str:
    if seconds is None:
        return NOT_MEASURED
    low, high = (clock(end) for end in seconds)
    return low if low == high else f"{low}-{high}"


def _time(series: Series) -> str:
    ends = [end for row in series.rows for end in row.seconds or ()]
    return _range((min(ends), max(ends)))


def sentence(claim: Claim, series: Series) -> str:
    """What the paper says and what was measured, in words, with n and interval if there is one."""
    said = _CLAIMS[claim.subject]
    if claim.measured is None:
        pair = f"batch {claim.large} and {claim.small}"
        return f"Not measured whether {said} ({pair}): {claim.reason}."
    found = claim.measured
    told = f"{_figures(claim, found, series)}; {_certainty(found)}"
    opening = {
        "holds": f"As the paper says, {said}",
        "does not hold": f"Not as the paper says, that {said}",
        "undecided": f"It is open whether {said}",
    }[claim.verdict]
    return f"{opening}: {told}."


def _figures(claim: Claim, found: Difference, series: Series) -> str:
    small, large = found.small.mean, found.large.mean
    if claim.subject == "epochs":
        ends = (
            f"{seconds_figure(large)} s at batch {claim.large} and {seconds_figure(small)} s at "
            f"{claim.small}"
        )
        return f"an epoch takes {ends}, {found.value:.2f} times as long{_interval(found, 1, 2)}"
    points = f"{100 * found.value:+.2f} points{_interval(found, 100, 2)}"
    ends = f"{percent(large, 2)} at batch {claim.large} and {percent(small, 2)} at {claim.small}"
    if claim.subject == "wait":
        return f"a step waits {ends}, {points}"
    rows = [row for row in series.rows if row.batch_size in (claim.small, claim.large)]
    times = [end for row in rows for end in row.seconds or ()]
    return f"after {_range((min(times), max(times)))} accuracy is {ends}, {points}"


def _interval(found: Difference, scale: float, digits: int) -> str:
    if found.low is None or found.high is None:
        return ""
    low, high = scale * found.low, scale * found.high
    return f" ({100 * CONFIDENCE:.0f} % interval {low:.{digits}f} to {high:.{digits}f})"


def _certainty(found: Difference) -> str:
    counts = f"n = {found.small.n} and {found.large.n}"
    return counts if found.low is not None else f"{counts}, too few for an interval"


def _accuracy(found: Spread | None) -> str:
    return f"{with_spread(found, 100, 2)} %"


def csv_rows(report: BatchSizes) -> list[dict[str, object]]:
    return [_csv_row(series, row) for series in report.series for row in series.rows]


def _csv_row(series: Series, row: BatchRow) -> dict[str, object]:
    low, high = row.seconds or (None, None)
    found: dict[str, object] = {
        "source": "paper" if series.is_papers else "measured",
        "machine": series.machine,
        "trained_on": series.trained_on,
        "augmented_on": series.augmented_on,
        "dataset": series.dataset,
        "model": series.model,
        "limit": series.limit,
        "details": series.details,
        "batch_size": row.batch_size,
        "runs": row.runs,
        "seconds_low": low,
        "seconds_high": high,
    }
    for column in ("epoch_seconds", "wait_fraction", "test_accuracy"):
        measured: Spread | None = getattr(row, column)
        if measured is not None:
            found |= {
                column: measured.mean,
                f"{column}_low": measured.low,
                f"{column}_high": measured.high,
            }
    return found


def picture(report: BatchSizes) -> str:
    """A row a series: epoch seconds, wait and accuracy against the batch size."""
    width = 3 * (_PANEL_WIDTH + 80) + 24
    figure = Figure(
        width, 64 + _SERIES_HEIGHT * max(1, len(report.series)), "Against the minibatch",
        f"bars: interval of {100 * CONFIDENCE:.0f} % of the mean, from {MIN_RUNS} runs",
    )  # fmt: skip
    for number, series in enumerate(report.series):
        top = 64 + _SERIES_HEIGHT * number
        colour = PALETTE[4] if series.is_papers else PALETTE[0]
        equal = "" if series.is_equal_time else ", not for equal time"
        title = shortened(heading(series), width - 180) + equal
        figure.text(16, top + 14, title, bold=True)
        for column, (label, of, scale, free) in enumerate(_PANELS):
            left = 72 + column * (_PANEL_WIDTH + 80)
            _panel(figure, left, top + 34, series, label, of, scale, free, colour)
    return figure.svg()


def _panel(
    figure: Figure, left: float, top: float, series: Series, label: str,
    of: Callable[[BatchRow], Spread | None], scale: float, free: float | None, colour: str,
) -> None:  # fmt: skip
    found = [of(row) for row in series.rows]
    ends = [end for one in found if one for end in (one.mean, one.low, one.high)]
    values = [scale * end + more for end in ends if end is not None
              for more in (-(free or 0.0), free or 0.0)]  # fmt: skip
    across = Axis.of_names("batch size", [str(row.batch_size) for row in series.rows])
    plot = figure.plot(
        left, top, _PANEL_WIDTH, 150, across, Axis.over(label, values, zero=free is None)
    )
    if not values:
        figure.text(left + _PANEL_WIDTH / 2, top + 75, "not measured", anchor="middle",
                    colour=FAINT)  # fmt: skip
        return
    points = [(i + 0.5, scale * one.mean if one else None) for i, one in enumerate(found)]
    plot.line(points, colour)
    for place, one in enumerate(found):
        if one is None:
            continue
        if one.low is not None and one.high is not None:
            plot.line([(place + 0.5, scale * one.low), (place + 0.5, scale * one.high)], colour)
        plot.dot(place + 0.5, scale * one.mean, colour)
