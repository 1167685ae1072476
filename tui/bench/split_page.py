"""The proof of the split as a table and as JSON."""

import json
from typing import TYPE_CHECKING

from cnntop.tui.format import duration, percent

if TYPE_CHECKING:
    from cnntop.core.training.split_proof import SplitProof


def as_table(proof: "SplitProof") -> str:
    """Every delay with what was measured of it; a line says what does not hold."""
    lines = [
        f"The split, proven on {proof.device_name}: known delays through the real training loop",
        "",
        f"  {'part':10}{'injected':>12}{'measured':>12}{'off by':>10}{'leak':>9}",
    ]
    for row in proof.rows:
        off = 1e6 * (row.measured_seconds - row.injected_seconds)
        lines.append(
            f"  {row.part:10}{1e3 * row.injected_seconds:9.3f} ms{1e3 * row.measured_seconds:9.3f} "
            f"ms{off:7.1f} us{percent(row.leak_fraction, 2):>9}{_sign(row.holds)}"
        )
    hidden = proof.hidden
    share = hidden.wait_seconds / hidden.step_seconds
    lines += [
        "",
        f"  closure: the parts add up to {percent(proof.closure_fraction, 3)} of the wall time"
        f"{_sign(proof.closes)}",
        f"  hidden: {duration(hidden.loading_seconds)} of loading in two workers beside "
        f"{duration(hidden.step_seconds)} a step: {percent(share, 2)} of the step waits, "
        f"{duration(hidden.hidden_wait_seconds)} are hidden{_sign(hidden.holds)}",
        "",
        "  a step with a fresh batch less one with a batch that is there, and the exposed wait",
    ]
    for difference in proof.differences:
        off_fraction = difference.difference_seconds - difference.wait_seconds
        lines.append(
            f"  {difference.name:21}{duration(difference.difference_seconds):>9}"
            f"{duration(difference.wait_seconds):>10}   "
            f"off by {percent(off_fraction / difference.step_seconds, 2)} of the step"
            f"{_sign(difference.holds)}"
        )
    if not proof.holds:
        lines += ["", "  * is off by more than it should be; is the machine busy? Run it again."]
    return "\n".join(lines) + "\n"


def _sign(holds: bool) -> str:
    return "" if holds else "  *"


def as_json(proof: "SplitProof") -> str:
    """`rows` and `closure_fraction`, and the two proofs beyond; seconds a step, shares 0 to 1."""
    tree = {
        "rows": [
            {
                "part": row.part,
                "injected_seconds": row.injected_seconds,
                "measured_seconds": row.measured_seconds,
                "leak_fraction": row.leak_fraction,
            }
            for row in proof.rows
        ],
        "closure_fraction": proof.closure_fraction,
        "hidden": vars(proof.hidden) | {"holds": proof.hidden.holds},
        "differences": [vars(row) | {"holds": row.holds} for row in proof.differences],
        "device_name": proof.device_name,
        "holds": proof.holds,
    }
    return json.dumps(tree, indent=2) + "\n"
