"""A scale of colours from dark to light, told apart by everyone and in grey print too.

Ten samples of cividis (Nuñez, Anderton, Renslow, "Optimizing colormaps with consideration for color
vision deficiency", PLoS ONE 13, 2018), which goes from dark blue through grey to yellow.
"""

_SAMPLES = (
    (0x00, 0x22, 0x4E), (0x12, 0x35, 0x70), (0x3B, 0x49, 0x6C), (0x57, 0x5D, 0x6D),
    (0x70, 0x71, 0x73), (0x8A, 0x86, 0x78), (0xA5, 0x9C, 0x74), (0xC3, 0xB3, 0x69),
    (0xE1, 0xCC, 0x55), (0xFE, 0xE8, 0x38),
)  # fmt: skip
_LIGHT_FROM = 0.52


def colour(share: float) -> str:
    """The colour as #rrggbb at `share`, from 0 (dark) to 1 (light)."""
    return "#{:02x}{:02x}{:02x}".format(*rgb(share))


def rgb(share: float) -> tuple[int, int, int]:
    place = min(1.0, max(0.0, share)) * (len(_SAMPLES) - 1)
    before = min(int(place), len(_SAMPLES) - 2)
    low, high, rest = _SAMPLES[before], _SAMPLES[before + 1], place - before
    red, green, blue = (round(a + (b - a) * rest) for a, b in zip(low, high, strict=True))
    return red, green, blue


def is_light(share: float) -> bool:
    """Whether text on the colour is better dark than light."""
    return share >= _LIGHT_FROM


def share_between(value: float, low: float, high: float) -> float:
    """Where `value` lies from `low` (0) to `high` (1); in the middle where both are the same."""
    return (value - low) / (high - low) if high > low else 0.5
