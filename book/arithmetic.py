"""What makes the last digits of a sum the same on every processor of a kind; read before NumPy is imported.

A training that bends at a rounding would print another number on another machine.
"""

ONE_ROUNDING = {
    "OMP_NUM_THREADS": "1",  # the order of a threaded sum changes its last digits
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_CORETYPE": "Haswell",  # so do the kernels for newer processors; these run on all PCs since 2013
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # whose exp and tanh round differently, too
}
