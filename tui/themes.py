"""The colours to choose from.

Colour never carries a meaning alone: every mark, part and level has a sign or a texture of its own.
"""

from textual.theme import Theme

THEMES = (
    Theme(
        name="dark",
        primary="#4ba3f0",
        secondary="#9d8cf0",
        accent="#ffa62b",
        warning="#f2d04c",
        error="#ff6b81",
        success="#4ebf71",
        foreground="#e0e0e0",
        background="#121212",
        surface="#1e1e1e",
        panel="#26303a",
    ),
    Theme(
        name="light",
        primary="#00549e",
        secondary="#6a3d9a",
        accent="#a84300",
        warning="#7a5a00",
        error="#b00020",
        success="#1a6e33",
        foreground="#1a1a1a",
        background="#ffffff",
        surface="#f4f4f4",
        panel="#e2e6ea",
        dark=False,
    ),
    # Mostly the very colours of a terminal that has sixteen: there none is replaced by another.
    Theme(
        name="contrast",
        primary="#55ffff",
        secondary="#ff55ff",
        accent="#ffff55",
        warning="#ffaf00",
        error="#ff5555",
        success="#55ff55",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#000000",
        text_alpha=1.0,
        variables={"block-cursor-foreground": "#000000", "footer-key-foreground": "#ffff55"},
    ),
    # After M. Okabe and K. Ito, Color Universal Design (2008).
    Theme(
        name="colour-blind",
        primary="#56b4e9",
        secondary="#cc79a7",
        accent="#e69f00",
        warning="#f0e442",
        error="#d55e00",
        success="#009e73",
        foreground="#e6e6e6",
        background="#101010",
        surface="#1c1c1c",
        panel="#2a2a2a",
    ),
)
NAMES = tuple(theme.name for theme in THEMES)


def theme_name(chosen: str, colours: str | None) -> str:
    """The theme to begin with: the chosen one, else what suits a terminal of so many colours
    (Rich's name of its system)."""
    if chosen in NAMES:
        return chosen
    return "contrast" if colours == "standard" else "dark"


def next_theme(name: str) -> str:
    return NAMES[(NAMES.index(name) + 1) % len(NAMES)] if name in NAMES else NAMES[0]
