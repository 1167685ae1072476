"""The keys of the picker and of its form."""

PICKER_HELP = """\
Keys of the picker
  letters     filter the list by name, network, dataset or words
  up, down    move in the list; so do Page up and Page down
  Enter       start the experiment; so does a double click
  Ctrl-E      edit any value of it first, in a form (or F4)
  Ctrl-T      try it for five seconds: step and epoch time, memory;
              again: end the try-out
  Tab         the page, to scroll it; again: the list
  Esc         take the filter back, then quit

Keys of the form
  up, down    the field above, below; Tab too
  left, right another of a field's words; Enter lists them all
  Ctrl-R      start the run with what the form has (or F5)
  Ctrl-S      save it as a preset of your own (or F2)
  Ctrl-Z      give the field the value that it had
  Esc         back; the form keeps what you changed

Your own presets are files in the folder presets of the config
folder. Whatever takes a preset's name takes theirs.
"""
