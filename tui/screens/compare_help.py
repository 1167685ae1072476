"""What the help of the compare screens says: of the table of runs, curves and recipes."""

RUNS = """\
Runs
  up down    move; Page up, Page down, Home, End
  left right the column that s sorts by; a click on a heading sorts
  s          sort by it, numbers from high to low; again: reversed
  /          filter: plain words, or as --where has it, such as
             dataset=cifar10 and not (epochs<9 or batch_size>32);
             Enter keeps it, Esc takes it back
  Space      mark a run, or no more; a click on its letter, too
  a          mark all that are shown; again: none of them
  b          pin the run as the baseline, or no more: the others
             then have their difference to it, in points (pts) or
             times as much (x)

  Enter      curves of the marked runs, or of the one under the
             cursor, over each other; a double click, too
  r          their recipes side by side
  Esc        drop the filter, else back;  q stop or leave
  ?          this page; Esc or ? closes it

What was not measured shows as –, never as 0.
"""

CURVES = """\
Curves
  Tab        the next figure: test accuracy, test loss, train loss,
             train accuracy, images/s, epoch seconds;
             with Shift the one before
  x          by epoch, time of training (without pauses), or step
  l          logarithmic scale, and back
  m          smoothing: none, light, medium, strong
  left right a cursor; the legend has every curve's value there
  Esc        hide the cursor, else back;  q stop or leave
  ?          this page; Esc or ? closes it

Each curve carries its run's letter, the one that the table has too.
Up to eight are drawn. Of runs under way the curves grow.
"""

RECIPES = """\
Recipes side by side
  a          all keys, or again only those in which the runs differ
  left right the runs that do not fit the width
  Esc        back;  q stop or leave
  ?          this page; Esc or ? closes it

≠ before a key: the runs differ in it. With a baseline, results have
the difference to it behind them: in points, or times as much.
What was not measured or is not known shows as –.
"""
