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
from nnlib.optim import (
    SGD, AdaGrad, Adam, AdamW, Momentum, RMSProp, clip_gradients, cosine_decay, exponential_decay, step_decay, warmup,
)
from nnlib.regularize import (
    L1, L2, BatchNorm, Dropout, EarlyStopping, ElasticNet, LayerNorm, batch_norm, dropout, layer_norm,
)
from nnlib.train import DivergenceError, History, accuracy, batches, evaluate, fit, k_fold, predict
