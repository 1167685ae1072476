"""A process that trains without cnntop: `python -m cnntop.tui.bench.bare PRESET`, until killed."""

import sys
from pathlib import Path

from cnntop.core.events import AnyEvent
from cnntop.core.machine.allocator import keep_to_one_arena
from cnntop.tui.launch import Launch


class _Silence:
    """A sink for what nobody wants to know."""

    def emit(self, event: AnyEvent) -> None:
        pass


def main() -> None:
    keep_to_one_arena()  # as a run does, so that what is left is the run's own
    from cnntop.core.training.bare_loop import bare_steps
    from cnntop.core.training.preparation import prepare
    from cnntop.core.training.tally import StepSums

    prepared = prepare(Launch(sys.argv[1], Path()).recipe(), _Silence(), lambda: False)
    sums = StepSums(prepared.device)
    epoch = 1
    while True:
        for _ in bare_steps(prepared, epoch, sums):
            pass
        sums.take()
        epoch += 1


if __name__ == "__main__":
    main()
