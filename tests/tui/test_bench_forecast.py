"""`cnntop bench forecast`: what it makes of known figures, and the proof itself."""

import json
from pathlib import Path

import pytest

from cnntop.core.analysis.profile import Span
from cnntop.tui.bench import forecast_page
from cnntop.tui.bench.forecast import AS_IT_IS, ONE_THREAD, Measured, Outcome
from cnntop.tui.verbs import bench
from tests.machine_profile import line, profile

FOUND = Measured(
    "shallow32, batch 32",
    "shapes",
    3,
    {
        ONE_THREAD: Outcome(
            profile({"shallow32": line(1.0, 1.0)}), Span(21.0, 20.0, 22.0), Span(20.0, 19.0, 20.5)
        ),
        AS_IT_IS: Outcome(
            profile({"shallow32": line(1.0, 1.0)}), Span(9.5, 9.0, 10.0), Span(10.0, 9.9, 10.2)
        ),
    },
)


def test_figures_by_hand() -> None:
    page = forecast_page.as_table(FOUND)
    rows = [" ".join(line.split()) for line in page.splitlines()]
    assert "one thread 21 s (20 s to 22 s) 20 s +5.0 %" in rows
    assert "as it is 9.5 s (9 s to 10 s) 10 s -5.0 %" in rows
    assert "ratio 2.21x 2.00x +10.5 %" in rows
    tree = json.loads(forecast_page.as_json(FOUND))
    assert tree["machines"]["one thread"]["error"] == pytest.approx(0.05)
    assert tree["ratio_measured"] == pytest.approx(2.0)


@pytest.mark.alone
@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("where", ["shapes", "images"])
def test_a_forecast_holds_within_ten_percent(
    tmp_path: Path, where: str, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of an epoch, of this machine and of a thread of it; on a machine with nothing else to do."""
    data_dir = str(request.getfixturevalue("images")) if where == "images" else None
    file = tmp_path / "figures.json"
    bench.forecast(data_dir=data_dir, minutes=2.0, epochs=3, json_file=file)
    page, tree = capsys.readouterr().out, json.loads(file.read_text())
    for machine in tree["machines"].values():
        assert abs(machine["error"]) < 0.1, page
    assert abs(tree["ratio_forecast"] / tree["ratio_measured"] - 1) < 0.1, page
