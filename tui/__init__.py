"""What faces a terminal: the command line, the plain printer and the screen."""
