"""The monitor's panels, one noun a file: each shows a part of the run's state."""
