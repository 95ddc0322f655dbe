"""nnlib: the small NumPy package of the book *Neural Networks You Can Touch*."""

from nnlib import data
from nnlib.activations import (
    elu, gelu, hard_sigmoid, hard_tanh, identity, leaky_relu, log_softmax, mish, prelu, relu, selu, sigmoid, softmax,
    softplus, step, swish, tanh,
)
from nnlib.gradcheck import check_layer, check_operation, numerical_gradient, relative_error
from nnlib.init import he_normal, he_uniform, normal, orthogonal, xavier_normal, xavier_uniform, zeros
from nnlib.layers import Activation, Dense, Embedding, Flatten, Layer, Parameter, Residual, Sequential, dense
from nnlib.losses import binary_cross_entropy, cross_entropy, hinge, huber, kl_divergence, mae, mse
from nnlib.operation import Operation, operation
