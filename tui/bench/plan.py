"""What the benchmark of overhead measures, and what one turn of an arm gives."""

import msgspec

KINDS = ("bare", "plain", "screen")
"""A plain loop without cnntop; `cnntop run --plain`; `cnntop run` on a terminal."""


class Size(msgspec.Struct, frozen=True):
    """A ShallowNet of `kernels`, trained on batches of `batch_size`."""

    kernels: int
    batch_size: int

    @property
    def label(self) -> str:
        return f"shallow{self.kernels}, batch {self.batch_size}"


class Case(msgspec.Struct, frozen=True):
    """Steps to measure on: the first of `sizes` whose step takes at least so long, or the last."""

    name: str
    sizes: tuple[Size, ...]
    least_step_seconds: float = 0.0


SLOT_SECONDS = 0.015
"""How long an arm is at work at a time: some steps, so that the arms share what the machine's
speed does."""

DRAWN_SLOT_SECONDS = 0.05
"""Where the screen is drawn in it, so that all of the drawing falls into it."""


class Plan(msgspec.Struct, frozen=True):
    """How much to measure: a case trains for `case_seconds`, of which the slots of each arm
    make up a turn for every `turn_seconds`. Three turns, one of each arm, are compared."""

    cases: tuple[Case, ...]
    case_seconds: float = 46.0
    turn_seconds: float = 0.7


LONGER = Case(
    "steps of 2 ms and more",
    (Size(16, 8), Size(32, 8), Size(32, 16), Size(32, 32), Size(64, 32), Size(128, 32)),
    0.002,
)
"""As little more as there is on this machine, because there watching costs the most."""

LAUNCH_BOUND = Case("launch-bound steps", (Size(8, 2),))
"""So little to compute that a step is the time it takes to call torch's operators."""

FULL = Plan((LONGER, LAUNCH_BOUND))


class Turn(msgspec.Struct, frozen=True):
    """What an arm did in its slots. `cpu_seconds` are those of the whole process."""

    steps: int
    seconds: float
    cpu_seconds: float

    def __add__(self, more: "Turn") -> "Turn":
        return Turn(
            self.steps + more.steps,
            self.seconds + more.seconds,
            self.cpu_seconds + more.cpu_seconds,
        )

    @property
    def steps_per_second(self) -> float:
        return self.steps / self.seconds

    @property
    def cpu_seconds_per_step(self) -> float:
        return self.cpu_seconds / self.steps


class Told(msgspec.Struct, frozen=True, tag="told"):
    """Progress, on its way from the measuring process."""

    text: str


class CaseTurns(msgspec.Struct, frozen=True, tag="case"):
    """A case, measured: the turns of each arm, in pairs by their place. `others_cores` is how
    many cores all other programs of the machine kept busy meanwhile."""

    case: Case
    size: Size
    turns: dict[str, list[Turn]]
    others_cores: float
