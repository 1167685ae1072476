"""The paper's own figures, to stand beside measured ones.

Source: C. B. Hanel, *Convolutional Neural Network Optimization and Model Exploration in PyTorch*,
Section VII: results 1 to 3 for `PAPER_RUNS`, Figure 4 for `PAPER_EPOCHS`. All are of CIFAR-10, with
augmentation on the machine's CPU. Copied as printed, but for units: accuracies are fractions.

Machine A ("Hercules") has an Intel i7 4790k and an EVGA GTX 980, machine B ("Hermes") an Intel i7
5500U and an NVIDIA GTX 940M. Figure 4 does not say how wide its ShallowNet is; the section's first
result, with 32 kernels, is taken to be what it means.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PaperRun:
    """A training run: its wall time and its accuracy on the test set at the end (0 to 1)."""

    model: str
    batch_size: int
    seconds: float
    test_accuracy: float
    machine: str


@dataclass(frozen=True)
class PaperEpoch:
    """The wall time of one epoch, trained on `processor`."""

    machine: str
    processor: str
    model: str
    batch_size: int
    epoch_seconds: float


PAPER_RUNS = (
    PaperRun("shallow32", 32, 15 * 60.0, 0.7375, "A"),
    PaperRun("shallow32", 128, 15 * 60.0, 0.7240, "A"),
    PaperRun("shallow128", 32, 8 * 3600.0, 0.8014, "A"),  # "around 8 hours"
    PaperRun("resnet18", 32, 3 * 3600.0 + 32 * 60.0, 0.9013, "A"),
    PaperRun("resnet18", 128, 4 * 3600.0, 0.8917, "A"),
)
PAPER_EPOCHS = (
    PaperEpoch("A", "NVIDIA GTX 980", "shallow32", 32, 10.25),
    PaperEpoch("A", "NVIDIA GTX 980", "shallow32", 128, 7.02),
    PaperEpoch("A", "NVIDIA GTX 980", "resnet18", 32, 88.01),
    PaperEpoch("A", "NVIDIA GTX 980", "resnet18", 128, 95.08),
    PaperEpoch("A", "Intel i7 4790k", "shallow32", 32, 146.0),
    PaperEpoch("A", "Intel i7 4790k", "shallow32", 128, 152.0),
    PaperEpoch("A", "Intel i7 4790k", "resnet18", 32, 2833.0),
    PaperEpoch("A", "Intel i7 4790k", "resnet18", 128, 2570.0),
    PaperEpoch("B", "NVIDIA GTX 940M", "resnet18", 32, 890.0),
    PaperEpoch("B", "Intel i7 5500U", "resnet18", 32, 4901.0),
)
