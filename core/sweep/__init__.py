"""Sweeps: many runs of one preset, planned, run and ranked."""
