"""One batch again and again: what the training loop does if its input costs nothing."""

from collections.abc import Iterator

from cnntop.core.training.batches import Batch, BatchSource


class RepeatedBatch:
    """Passes as long as those of another source over `images` images, all with its first batch."""

    def __init__(self, source: BatchSource, images: int) -> None:
        self.augment_on = source.augment_on
        self.workers: int | None = None
        first = next(source.epoch(1))
        source.close()
        self._batch = Batch(first.images.clone(), first.labels.clone())
        self._images = images

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[Batch]:  # noqa: ARG002
        """The last batch is as much smaller as the other source's."""
        images, labels = self._batch.images, self._batch.labels
        size = len(labels)
        for begin in range(first_batch * size, self._images, size):
            rest = self._images - begin
            yield self._batch if rest >= size else Batch(images[:rest], labels[:rest])

    def close(self) -> None:
        pass
