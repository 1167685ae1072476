"""The verbs of the command line, a file a group. Each imports what it needs when it is called."""
