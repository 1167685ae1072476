"""A run's figures for other programs: one module a format, all from the same reading of the log."""
