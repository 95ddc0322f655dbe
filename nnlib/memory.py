"""Memory that one training step has freed is kept for the next one.

Where malloc is glibc's, it returns large blocks to the system as soon as they are free, and gets them back page by
page, each page cleared: with the arrays of a small convolutional network that is a quarter of a training step. What
counts as large follows the largest block that was ever freed, up to 32 MB (mallopt(3), M_MMAP_THRESHOLD). So one
block of that size is taken and freed here, once and untouched. With another malloc this does nothing.
"""

import numpy as np

np.empty(2**25 - 2**13, np.uint8)
