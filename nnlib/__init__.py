"""nnlib: the small NumPy package of the book *Neural Networks You Can Touch*."""
