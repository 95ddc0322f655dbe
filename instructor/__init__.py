"""For instructors: the student edition, assignments, grading. Run ``python -m instructor --help``."""
