"""Made-up runs: fixed records, folded by the real fold, so that pictures of them never change."""

from collections.abc import Sequence

import msgspec

from cnntop.core.events import (
    Activity,
    AnyEvent,
    AugmentationTried,
    CpuSample,
    EpochFinished,
    FixApplied,
    FixMeasured,
    GpuSample,
    GpusUnavailable,
    LimitsMeasured,
    Notice,
    Record,
    RunStarted,
    StepsMeasured,
)
from cnntop.core.run_state import RunState, fold

STARTED = RunStarted(
    run="20260101-120000-demo-abcd", name="demo", preset="demo",
    started_utc="2026-01-01T12:00:00Z", dataset="shapes", model="shallow32", parameters=251_834,
    batch_size=32, train_images=10_000, test_images=2_000, steps_per_epoch=313, device="cpu",
    device_name="Some CPU 9000", threads=2, precision="fp32", augment_on="cpu",
    epochs_planned=20,
)  # fmt: skip
LIMITS = LimitsMeasured(15_559_920.0, 1_472_712.5, 196e9, 20e9, 2)
EPOCH_SECONDS = 4.0
STRETCHES = 8
"""Read-outs in a made-up epoch."""


def told(*events: AnyEvent, seconds: float = 0.5) -> RunState:
    """The state after `events`, one every `seconds`."""
    return fold(Record(seq, round(seconds * seq, 6), event) for seq, event in enumerate(events))


def stretch(epoch: int, part: int, loss: float | None, accuracy: float | None) -> StepsMeasured:
    return StepsMeasured(
        epoch=epoch, step=round(313 * (epoch - 1 + part / STRETCHES)), steps=39, images=1250,
        loss=loss, accuracy=accuracy, lr=0.01, wait_seconds=0.1, transfer_seconds=0.02,
        compute_seconds=0.28, other_seconds=0.05, hidden_wait_seconds=0.2, augment_cpu_seconds=0.3,
        forward_seconds=0.1, backward_seconds=0.16, optimizer_seconds=0.02,
    )  # fmt: skip


def epoch_end(epoch: int, loss: float | None, accuracy: float | None) -> EpochFinished:
    return EpochFinished(
        epoch=epoch, step=313 * epoch, images=10_000, lr=0.01, train_loss=loss,
        train_accuracy=accuracy, test_loss=None if loss is None else loss + 0.1,
        test_accuracy=None if accuracy is None else accuracy - 0.02, epoch_seconds=EPOCH_SECONDS,
        evaluation_seconds=0.4, wait_seconds=0.8, transfer_seconds=0.16, compute_seconds=2.24,
        other_seconds=0.8,
    )  # fmt: skip


def cpu(cores: int = 4) -> CpuSample:
    shares = tuple((core % 9) / 8 for core in range(cores))
    return CpuSample(0.42, shares, 6_200_000_000, 16_000_000_000, 812_000_000, 1.7)


def gpu(index: int, measured: bool = True, name: str = "Some GPU") -> GpuSample:
    if not measured:
        return GpuSample(index, f"GPU-{index}", name)
    return GpuSample(
        index, f"GPU-{index}", name, 0.87, 9_000_000_000, 80_000_000_000, 312.0, 700.0, 61.0,
        1000.0,
    )  # fmt: skip


def preparing() -> list[AnyEvent]:
    return [
        Activity("importing torch"),
        GpusUnavailable("no NVIDIA driver found"),
        cpu(),
        Activity("downloading CIFAR-10", 42_000_000, 170_498_071, "bytes"),
    ]


def epochs(count: int, last_part: int = STRETCHES) -> list[AnyEvent]:
    """Losses that fall and accuracies that rise, without chance."""
    events: list[AnyEvent] = []
    for epoch in range(1, count + 1):
        parts = STRETCHES if epoch < count else last_part
        for part in range(1, parts + 1):
            done = epoch - 1 + part / STRETCHES
            events.append(stretch(epoch, part, 2.3 / (1 + 0.35 * done), done / (done + 4)))
            events.append(cpu())
        if parts == STRETCHES:
            events.append(epoch_end(epoch, 2.3 / (1 + 0.35 * epoch), epoch / (epoch + 4)))
    return events


def training(*before: AnyEvent, started: RunStarted = STARTED) -> list[AnyEvent]:
    """A run in the middle of its sixth epoch."""
    warning = Notice("2 of 10,000 images in train/ cannot be decoded and are left out", "warning")
    return [*preparing(), LIMITS, warning, *before, started, *epochs(6, 5)]


TRIED = AugmentationTried("cpu", 20, 0.0004, 0.0005, 0.0072, 0.000004)


def waiting(*after: AnyEvent) -> list[AnyEvent]:
    """A run whose augmentation in workers is too slow, where a trial showed a faster way."""
    started = msgspec.structs.replace(STARTED, augment_on="loader", workers=2, cores=4)
    return [*preparing(), TRIED, started, *epochs(2, 6), *after]


def fixed(measured: bool) -> list[AnyEvent]:
    applied = FixApplied("data.augment_on", "loader", "cpu", 548, 2_777.8, 1.22)
    told = FixMeasured("data.augment_on", "loader", "cpu", 626, 2_777.8, 3_378.0, 1.22)
    after = [stretch(2, part, 1.3, 0.4) for part in (7, 8)]
    return waiting(applied, *after, *([told] if measured else []))


def with_gpu(samples: Sequence[GpuSample]) -> list[AnyEvent]:
    started = msgspec.structs.replace(
        STARTED, device="cuda:0", device_name="Some GPU", gpu_uuid="GPU-0", augment_on="device"
    )
    return [*preparing(), *samples, started, *epochs(3, 4), *samples]
