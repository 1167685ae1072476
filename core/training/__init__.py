"""The only place that imports torch: models, datasets, augmentation, step clock and loop."""
