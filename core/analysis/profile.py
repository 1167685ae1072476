"""A machine's profile: what was measured on it, as a file that goes to other machines (P15).

A profile comes from elsewhere and is believed in nothing: its figures are checked one by one, and
a complaint names the key. Figures are kept round by round, because how far they lie apart is what
a forecast knows of its own error.
"""

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

from cnntop.core.durable import replace_file
from cnntop.core.errors import UsageError
from cnntop.core.preset import config_folder
from cnntop.core.text import nearest, printable

FORMAT = 1
_MOST_BYTES = 4_000_000
"""Of a file: some hundred times what a thorough calibration writes."""

Positive = Annotated[float, msgspec.Meta(gt=0, le=1e18)]
Rounds = Annotated[tuple[Positive, ...], msgspec.Meta(min_length=1, max_length=10_000)]
"""A figure, measured again and again over the time of the calibration."""
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
Words = Annotated[str, msgspec.Meta(max_length=500)]


@dataclass(frozen=True)
class Span:
    """A figure with the interval that it lies in."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, figures: Rounds) -> "Span":
        """The median, and all that was measured: another measurement falls outside with a
        probability of 2 in n + 1, however they are distributed."""
        return cls(statistics.median(figures), min(figures), max(figures))

    def __add__(self, more: "Span") -> "Span":
        return Span(self.median + more.median, self.low + more.low, self.high + more.high)

    def __mul__(self, factor: float) -> "Span":
        return Span(self.median * factor, self.low * factor, self.high * factor)

    def widened(self, error: float) -> "Span":
        """With a relative `error` on top, in both directions."""
        return Span(self.median, self.low * max(0.0, 1 - error), self.high * (1 + error))


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class MachineFacts(_Part, frozen=True):
    """Where and how was measured. `threads` are torch's on the CPU."""

    host: Words
    device: Words
    device_name: Words
    cpu_name: Words
    cores: Count
    threads: Count
    precision: Words
    speed: Words
    torch: Words
    cnntop: Words


class Images(_Part, frozen=True):
    """What was trained on: images of `size` by `size` pixels."""

    dataset: Words
    channels: Count
    size: Count
    classes: Count
    augment: tuple[Words, ...]


class Steps(_Part, frozen=True):
    """Training steps of a batch size: augmented batches ready or waited for, moved, computed, and
    summed up. `computed` says how, `augment_on` where."""

    batch_size: Count
    augment_on: Words
    computed: Words
    step_seconds: Rounds


class NetworkSpeed(_Part, frozen=True):
    """A network. `evaluation_seconds_per_image` is by one view, `checkpoint_seconds` what saving
    one takes; `flop_per_image` of training, None where it could not be counted."""

    model: Words
    flop_per_image: Positive | None
    evaluation_seconds_per_image: Rounds
    checkpoint_seconds: Rounds
    steps: Annotated[tuple[Steps, ...], msgspec.Meta(min_length=1, max_length=1000)]


class Profile(_Part, frozen=True):
    """`augmentation_images_per_second` is of each way to augment, alone,
    `transfer_bytes_per_second` of batches on their way to the device, None where there is no way.
    `others_cores` is how many cores all other programs kept busy meanwhile."""

    name: Words
    measured_utc: Words
    seconds: Positive
    others_cores: Annotated[float, msgspec.Meta(ge=0, le=1e6)]
    machine: MachineFacts
    images: Images
    networks: Annotated[tuple[NetworkSpeed, ...], msgspec.Meta(min_length=1, max_length=1000)]
    augmentation_images_per_second: dict[Words, Rounds] = {}
    transfer_bytes_per_second: Rounds | None = None
    format: int = FORMAT

    @property
    def rounds(self) -> int:
        """How often the least measured step was."""
        return min(len(steps.step_seconds) for one in self.networks for steps in one.steps)


def checked(profile: Profile) -> Profile:
    """`profile` in order, networks and batch sizes sorted. Raises ValueError naming the key where
    one is there twice."""
    models = [one.model for one in profile.networks]
    for index, network in enumerate(profile.networks):
        if models.count(network.model) > 1:
            raise ValueError(f"networks[{index}].model: {network.model} is there twice")
        sizes = [steps.batch_size for steps in network.steps]
        for place, size in enumerate(sizes):
            if sizes.count(size) > 1:
                key = f"networks[{index}].steps[{place}].batch_size"
                raise ValueError(f"{key}: {size} is there twice")
    networks = tuple(
        msgspec.structs.replace(
            one, steps=tuple(sorted(one.steps, key=lambda steps: steps.batch_size))
        )
        for one in profile.networks
    )
    return msgspec.structs.replace(profile, networks=networks)


def load(path: Path) -> Profile:
    """Raises UsageError for a file that is not there, not to be read or no profile."""
    shown = printable(str(path))
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(f"profile {shown}: larger than any profile; it is something else.")
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"profile {shown} cannot be read: {error.strerror or error}.") from None
    try:
        version = msgspec.json.decode(text, type=_Version).format
        if version > FORMAT:
            raise UsageError(
                f"profile {shown} is of a newer cnntop (format {version}); update this one."
            )
        return checked(msgspec.json.decode(text, type=Profile))
    except (msgspec.MsgspecError, ValueError) as error:
        raise UsageError(
            f"profile {shown}: {printable(_explained(str(error)))}. "
            "`cnntop calibrate` on that machine writes a new one."
        ) from None


class _Version(msgspec.Struct):
    format: int = FORMAT


def save(profile: Profile, path: Path) -> None:
    """Raises UsageError where it cannot be written."""
    text = msgspec.json.format(msgspec.json.encode(profile), indent=2) + b"\n"
    try:
        replace_file(path, lambda file: file.write(text))
    except OSError as error:
        shown = printable(str(path))
        raise UsageError(f"{shown} cannot be written: {error.strerror or error}.") from None


def profiles_folder() -> Path:
    """Where profiles are found by name: `profiles` below the config folder."""
    return config_folder() / "profiles"


def named(name: str) -> Path:
    """The file of the profile `name` (a machine's name; what does not do for a file is `-`)."""
    slug = "".join(c if c.isalnum() or c in "._-" else "-" for c in name).strip(".-")
    return profiles_folder() / f"{slug[:100] or 'machine'}.json"


def find(name_or_file: str) -> Path:
    """The file of a profile by its path, or by its name in the profiles' folder. Raises
    UsageError."""
    path = Path(name_or_file).expanduser()
    if path.is_file():
        return path
    if "/" not in name_or_file and named(name_or_file).is_file():
        return named(name_or_file)
    known = sorted(file.stem for file in profiles_folder().glob("*.json"))
    hint = nearest(name_or_file, known) if known else ""
    raise UsageError(
        f"there is no profile {printable(name_or_file)!r}. {printable(hint)}{' ' * bool(hint)}"
        "Give a file that `cnntop calibrate` wrote on that machine, or `here`."
    )


def _explained(complaint: str) -> str:
    """msgspec's complaint with the key before it."""
    words, at, path = complaint.partition(" - at `$")
    key = path.rstrip("`").lstrip(".")
    return f"{key}: {words[0].lower()}{words[1:]}" if at and key else complaint
