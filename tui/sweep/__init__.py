"""`cnntop sweep`: its plan, its screen, its lines and its summary."""
