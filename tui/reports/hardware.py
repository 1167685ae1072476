"""`cnntop report hardware`: the paper's Figure 5, made consistent."""

import math

from cnntop.core.analysis.colour_scale import colour, is_light, share_between
from cnntop.core.analysis.figure import INK, Axis, Figure, shortened, text_width
from cnntop.core.analysis.report.hardware import Hardware, Processor, Setting
from cnntop.core.text import natural_order
from cnntop.tui.format import NOT_MEASURED, rate
from cnntop.tui.reports.page import CHANGED, Part, Table, Words, left_out, plural

CSV_COLUMNS = (
    "processor", "machine", "threads", "source", "over_processor", "over_machine", "over_threads",
    "over_source", "ratio", "shared_settings", "measured_low", "measured_high", "spread_factor",
)  # fmt: skip

_CELL, _WIDEST_LABEL, _MOST_SETTINGS = 64, 330, 12


def parts(report: Hardware) -> list[Part]:
    changed = left_out({"without a speed": report.unmeasured, CHANGED: report.changed})
    if not report.processors:
        return [Words("Not measured: no run with a speed in these folders."), *changed]
    found: list[Part] = []
    if report.groups:
        found += [_matrix(report), Words(_legend(report)), _speeds(report)]
    for number, group in enumerate(report.groups):
        named = "" if len(report.groups) == 1 else _numbers(report, group.processors) + ": "
        found.append(Words(named + _spread(report, number)))
    if report.alone:
        names = "; ".join(label(report, processor) for processor in report.alone)
        found.append(
            Words(
                f"Not connected: {names}. No other processor trained the same network with the "
                "same batch size, images, precision and augmentation, so no ratio is given."
            )
        )
    return [*found, *changed]


def _matrix(report: Hardware) -> Table:
    rows = []
    for number, one in enumerate(report.processors, 1):
        cells = [ratio_cell(report, one, other) for other in report.processors]
        rows.append([f"{number} {label(report, one)}", *cells])
    numbers = [str(number) for number in range(1, len(report.processors) + 1)]
    return Table("How many times as fast a row is as a column", ["processor", *numbers], rows)


def ratio_cell(report: Hardware, one: Processor, other: Processor) -> str:
    if one == other:
        return "1"
    ratio = report.ratio(one, other)
    if ratio is None:
        return NOT_MEASURED
    return f"{ratio_figure(ratio)} [{report.shared_settings(one, other)}]"


def ratio_figure(ratio: float) -> str:
    """Three digits, written out: 46.8, 0.0214."""
    digits = max(0, 2 - math.floor(math.log10(ratio)))
    return f"{ratio:,.{digits}f}"


def label(report: Hardware, processor: Processor) -> str:
    """Its name, and what tells it apart: whose the paper's are, threads, and the machine where
    several machines have one of that name."""
    told = [processor.threads]
    if processor.is_papers:
        told.append(f"paper's {processor.machine}")
    else:
        alike = {one.machine for one in report.processors
                 if one.name == processor.name and not one.is_papers}  # fmt: skip
        told.append(processor.machine if len(alike) > 1 else "")
    told = [one for one in told if one]
    return f"{processor.name} ({', '.join(told)})" if told else processor.name


def _legend(report: Hardware) -> str:
    told = [
        "One speed a processor, fitted to all pairs that share a setting (network, batch size, "
        "images, precision, augmentation), so that A/B times B/C is A/C. In brackets: the settings "
        "that both were measured in; [0]: the ratio leads through other processors."
    ]
    if any(
        report.ratio(one, other) is None for one in report.processors for other in report.processors
    ):
        told.append(f"{NOT_MEASURED}: nothing connects the two.")
    return " ".join(told)


def _speeds(report: Hardware) -> Table:
    """What was measured in the settings that connect processors, and how far off the fit it is."""
    connected = [one for group in report.groups for one in group.processors]
    off = {cell: rest for group in report.groups for cell, rest in group.residuals.items()}
    settings = sorted({setting for _, setting in off}, key=_setting_order)
    title = "Images a second as measured [times what the fit says]"
    if len(settings) > _MOST_SETTINGS:
        title += f", in the {_MOST_SETTINGS} of {len(settings)} settings that fit worst"
        worst = dict.fromkeys(settings, 0.0)
        for (_, setting), rest in off.items():
            worst[setting] = max(worst[setting], abs(math.log(rest)))
        settings = sorted(settings, key=worst.__getitem__, reverse=True)[:_MOST_SETTINGS]
        settings.sort(key=_setting_order)
    rows = []
    for setting in settings:
        cells = (
            _speed(report.images_per_second.get((one, setting)), off.get((one, setting)))
            for one in connected
        )
        rows.append([_setting(setting), *cells])
    numbers = [str(number) for number in range(1, len(connected) + 1)]
    return Table(title, ["setting", *numbers], rows)


def _speed(images_per_second: float | None, rest: float | None) -> str:
    if images_per_second is None or rest is None:
        return NOT_MEASURED
    shown = rate(images_per_second) if images_per_second >= 99.5 else f"{images_per_second:.3g}"
    return f"{shown} [{rest:.2f}]"


def _setting(setting: Setting) -> str:
    told = [f"{setting.model} b{setting.batch_size}", setting.dataset, setting.variant]
    return ", ".join(filter(None, told))


def _setting_order(setting: Setting) -> tuple[list[str | int], int, str, str]:
    return natural_order(setting.model), setting.batch_size, setting.dataset, setting.variant


def _spread(report: Hardware, number: int) -> str:
    group = report.groups[number]
    figures = len(group.residuals)
    if group.spread is None:
        return (
            "Spread: not measured. No two processors share more than what the ratios are made of, "
            "so nothing tells how far they hold in another setting."
        )
    return (
        f"Spread: a measured speed lies a factor of {group.spread:.2f} off the fitted one "
        f"(standard deviation; {plural(figures, 'figure')}, {group.freedom} more than the fit "
        "needs). Ratios depend on network and batch size by about as much."
    )


def _numbers(report: Hardware, processors: tuple[Processor, ...]) -> str:
    return "Processors " + ", ".join(str(report.processors.index(p) + 1) for p in processors)


def csv_rows(report: Hardware) -> list[dict[str, object]]:
    """A row for every two processors that are connected."""
    rows: list[dict[str, object]] = []
    for group in report.groups:
        for one in group.processors:
            for other in group.processors:
                if one != other:
                    rows.append(_csv_row(report, one, other) | {"spread_factor": group.spread})
    return rows


def _csv_row(report: Hardware, one: Processor, other: Processor) -> dict[str, object]:
    measured = report.measured_ratios(one, other)
    return {
        "processor": one.name,
        "machine": one.machine,
        "threads": one.threads,
        "source": "paper" if one.is_papers else "measured",
        "over_processor": other.name,
        "over_machine": other.machine,
        "over_threads": other.threads,
        "over_source": "paper" if other.is_papers else "measured",
        "ratio": report.ratio(one, other),
        "shared_settings": len(measured),
        "measured_low": min(measured, default=None),
        "measured_high": max(measured, default=None),
    }


def picture(report: Hardware) -> str:
    """The matrix, shaded by the ratio's logarithm."""
    names = [label(report, processor) for processor in report.processors]
    left = min(_WIDEST_LABEL, 56 + max(map(text_width, names), default=0))
    side = _CELL * max(1, len(names))
    figure = Figure(
        max(560, left + side + 24), side + 110, "How many times as fast a row is as a column",
        "one fitted speed each; in brackets: shared settings",
    )  # fmt: skip
    numbers = [str(number) for number in range(1, len(names) + 1)]
    rows = [f"{shortened(name, left - 46)}  {n}" for n, name in zip(numbers, names, strict=True)]
    across, up = Axis.of_names("processor", numbers), Axis.of_names("", rows[::-1])
    plot = figure.plot(left, 64, side, side, across, up)
    ratios = [
        abs(math.log(group.speeds[one])) for group in report.groups for one in group.processors
    ]
    most = max(ratios, default=0.0)
    for row, one in enumerate(report.processors):
        for column, other in enumerate(report.processors):
            top = len(names) - row
            ratio = report.ratio(one, other)
            share = None if ratio is None else share_between(math.log(ratio), -most, most)
            fill = "#ffffff" if share is None else colour(share)
            plot.box(column, top - 1, column + 1, top, fill, edge="#ffffff")
            ink = INK if share is None or is_light(share) else "#ffffff"
            x, y = plot.x(column + 0.5), plot.y(top - 0.5)
            shown = NOT_MEASURED if ratio is None else "1" if one == other else ratio_figure(ratio)
            figure.text(x, y + 2, shown, anchor="middle", colour=ink)
            if ratio is not None and one != other:
                shared = f"[{report.shared_settings(one, other)}]"
                figure.text(x, y + 17, shared, anchor="middle", size=10, colour=ink)
    return figure.svg()
