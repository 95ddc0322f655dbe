"""For instructors: the student edition, assignments, grading. Run ``python -m instructor --help``.

What goes out: ``assignment`` chooses exercises and makes the notebooks, with ``seal`` for checks without solutions and
``written`` for questions answered in words; ``page`` makes one HTML file of it; ``edition`` is the book without or with
solutions; ``nbgrader_export`` hands over to nbgrader, and ``jupyterhub`` is a hub's configuration.

What comes back: ``lms`` knows whose file is which, and fills in the LMS's own; ``handed_in`` reads one; ``runner`` runs it in
the small Python, where ``submission`` runs beside it; ``grade`` does so for all, and keeps what each earned. ``decided`` is what
a person decides; ``report``, ``marking`` and ``similarity`` are the pages that come of it.

What is right, and which hint a mistake gets, is said in :mod:`nnlib.exercises.judging`, which ``check`` shares.
"""
