"""How the runs of a comparison are told apart: a letter each, and a colour besides."""

LETTERS = "ABCDEFGH"
"""As many curves as can be told apart in one picture."""

LETTER_STYLES = (
    "$primary", "$accent", "$success", "$error", "$foreground", "$secondary-lighten-3",
    "$accent-darken-3", "$foreground 60%",
)  # fmt: skip
"""By the letter's place, from the theme."""

BEYOND = "+"
"""The sign of a run that is marked beyond the last letter."""
