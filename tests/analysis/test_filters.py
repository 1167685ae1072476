"""The language of --where: what is meant, what is not, and where it went wrong."""

from typing import Any

import pytest

from cnntop.core.analysis.filters import MOST_NESTED, parse_filter
from cnntop.core.errors import UsageError

COLUMNS = (
    "run", "name", "status", "dataset", "model", "batch_size", "lr", "started_utc", "seconds",
    "test_accuracy", "device_name", "train.label_smoothing", "seconds_to_90",
    "best_test_accuracy_within_15m",
)  # fmt: skip
ROWS: list[dict[str, Any]] = [
    {"run": "a", "name": "it's", "status": "finished", "dataset": "cifar10", "model": "shallow32",
     "batch_size": "32", "lr": "0.001", "started_utc": "2026-01-01T10:00:00Z", "seconds": "899.5",
     "test_accuracy": "0.7375", "device_name": "NVIDIA H100", "seconds_to_90": "",
     "best_test_accuracy_within_15m": "0.7"},
    {"run": "b", "name": "and", "status": "failed", "dataset": "cifar10", "model": "resnet18",
     "batch_size": "128", "lr": "1e-05", "started_utc": "2026-02-01T10:00:00Z", "seconds": "12720",
     "test_accuracy": "0.9013", "device_name": "AMD EPYC", "seconds_to_90": "600",
     "best_test_accuracy_within_15m": "0.5"},
    {"run": "c", "name": "crop+hflip", "status": "finished", "dataset": "shapes",
     "model": "shallow8", "batch_size": "8", "lr": "quick", "started_utc": "", "seconds": "",
     "test_accuracy": "", "device_name": "", "train.label_smoothing": "0.1", "seconds_to_90": "",
     "best_test_accuracy_within_15m": ""},
]  # fmt: skip


def kept(text: str) -> str:
    found = parse_filter(text, COLUMNS)
    rows = [dict.fromkeys(COLUMNS, "") | row for row in ROWS]
    return "".join(row["run"] for row in rows if found.matches(row))


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("dataset=cifar10", "ab"),
        ("dataset==cifar10", "ab"),
        ("dataset = 'cifar10'", "ab"),
        ("dataset!=cifar10", "c"),
        ("batch_size<=32", "ac"),
        ("batch_size<32", "c"),
        ("batch_size>8", "ab"),  # as text, 128 would come before 8
        ("batch_size>=128", "b"),
        ("batch_size=32.0", "a"),
        ("lr=1e-3", "a"),
        ("lr=0.00001", "b"),
        ("lr<1", "ab"),  # "quick" is no number
        ("lr=quick", "c"),
        ("started_utc>=2026-01-15", "b"),
        ("started_utc<2026-01-15", "a"),
        ("test_accuracy>=73.75%", "ab"),
        ("test_accuracy>0.8", "b"),
        ("test_accuracy<1", "ab"),
        ("not test_accuracy<1", "c"),
        ("test_accuracy=''", "c"),
        ("test_accuracy!=''", "ab"),
        ("seconds<15m", "a"),
        ("seconds>=3h32m", "b"),
        ("seconds_to_90<=10m", "b"),
        ("best_test_accuracy_within_15m>60%", "a"),
        ("device_name~h100", "a"),
        ("device_name~'nvidia h'", "a"),
        ("model~shallow", "ac"),
        ("model~''", "abc"),
        ('name="it\'s"', "a"),
        ("name='and'", "b"),
        ("name=crop+hflip", "c"),
        ("train.label_smoothing>0", "c"),
        ("dataset=cifar10 and batch_size<=32", "a"),
        ("dataset=cifar10 and (model=shallow32 or not status=failed)", "a"),
        ("model=shallow8 or model=resnet18 and status=finished", "c"),  # "and" binds closer
        ("(model=shallow8 or model=resnet18) and status=failed", "b"),
        ("not model=shallow8 and status=finished", "a"),  # "not" closer still
        ("not not model=shallow8", "c"),
        ("NOT(model=shallow8)AND(status=failed)", "b"),
        ("batch_size=8 or batch_size=32 or batch_size=128", "abc"),
        (" ( batch_size < 9 ) ", "c"),
        ("batch<=32", "ac"),  # by the headings of the table
        ("test>80% and time>15m and device_name~epyc", "b"),
        ("started<2026-01-15", "a"),
    ],
)
def test_what_is_meant(text: str, runs: str) -> None:
    assert kept(text) == runs


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("", 1, "a column was expected"),
        ("   ", 4, "a column was expected"),
        ("batchsize=32", 1, "unknown column. Did you mean 'batch_size'?"),
        ("lr=1 and bathc_size<=32", 10, "Did you mean 'batch_size'?"),
        ("lr", 3, "one of = != < <= > >= ~ was expected after lr"),
        ("lr 1", 4, "was expected after lr"),
        ("lr=", 4, "a value was expected"),
        ("lr=and", 4, "a value was expected"),
        ("lr<>1", 4, "a value was expected"),
        ("(lr=1", 6, "')' was expected"),
        ("lr=1)", 5, "'and', 'or' or the end was expected"),
        ("lr=1 batch_size=2", 6, "'and', 'or' or the end was expected"),
        ("lr=1 and", 9, "a column was expected"),
        ("not", 4, "a column was expected"),
        ("'lr'=1", 1, "a column was expected"),
        ("name='open", 6, "this quote is never closed"),
        ("lr!1", 3, "this means nothing here"),
        ("test_accuracy>=70", 16, "write 0.7 or 70%"),
        ("name=\x1b[31m and lrr=1", 16, "unknown column"),
    ],
)
def test_where_it_went_wrong(text: str, position: int, words: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse_filter(text, COLUMNS)
    message = str(raised.value)
    assert message.startswith(f"--where, character {position} (")
    assert words in message
    assert message.endswith((".", "?"))
    assert "?." not in message


def test_another_option_opens_the_complaint() -> None:
    with pytest.raises(UsageError, match=r"^--baseline, character 1 \('x'\): unknown column"):
        parse_filter("x=1", COLUMNS, "--baseline")


def test_the_columns_that_are_looked_at() -> None:
    assert parse_filter("lr=1 and not (name~x or lr=2)", COLUMNS).columns == {"lr", "name"}


@pytest.mark.parametrize("opening", ["(", "not "])
def test_depth_has_an_end_and_length_has_none(opening: str) -> None:
    closing = ")" if opening == "(" else ""
    most = MOST_NESTED - 2
    assert kept(f"{opening * most}lr=quick{closing * most}") == "c"
    with pytest.raises(UsageError, match=f"more than {MOST_NESTED} levels"):
        parse_filter(opening * 100_000, COLUMNS)
    assert kept(" or ".join(["lr=1"] * 20_000)) == ""
