"""Text from outside, made safe."""

import sys
import unicodedata

import pytest

from cnntop.core.text import defused, fused, printable


def test_of_all_characters_those_of_control_format_and_no_meaning_are_replaced() -> None:
    unsafe = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    wrong = [
        code
        for code in range(sys.maxunicode + 1)
        if printable(chr(code)) != ("?" if unicodedata.category(chr(code)) in unsafe else chr(code))
    ]
    assert wrong == []
    assert printable("é\x1b[1m 日\u202e\n") == "é?[1m 日??"


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"), ("+cmd", "'+cmd"), ("-x", "'-x"), ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"), ("\r=1", "'\r=1"), ("'=1", "''=1"), ("-0.5", "-0.5"),
        ("+1e-05", "+1e-05"), ("", ""), ("a=b", "a=b"), ("0.5", "0.5"),
    ],
)  # fmt: skip
def test_a_formula_is_defused_and_a_number_is_none(text: str, cell: str) -> None:
    assert defused(text) == cell
    assert fused(cell) == text
