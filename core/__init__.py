"""What a run is and does: events, recipe, training, machine, run folders. It knows no screen."""
