"""`cnntop doctor`: the findings as text."""

from collections.abc import Sequence

from cnntop.core.doctor import Finding
from cnntop.core.text import printable

_MARKS = {"ok": "ok", "info": "-", "warning": "!", "problem": "X"}


def findings_text(findings: Sequence[Finding]) -> str:
    """One line a finding, its remedy below it, and a last line that counts."""
    width = max(len(finding.area) for finding in findings)
    lines = []
    for finding in findings:
        mark = _MARKS[finding.status]
        lines.append(f"{mark:>2}  {finding.area:<{width}}  {printable(finding.text)}")
        if finding.remedy:
            lines.append(f"{'':<{width + 4}}  -> {printable(finding.remedy)}")
    problems = sum(finding.status == "problem" for finding in findings)
    warnings = sum(finding.status == "warning" for finding in findings)
    lines.append(
        f"\n{problems} problem{'s' * (problems != 1)}, {warnings} warning{'s' * (warnings != 1)}."
    )
    return "\n".join(lines) + "\n"
