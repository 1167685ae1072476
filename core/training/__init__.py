"""The only place that imports torch: models, datasets, augmentation, the step clock and the loop."""
