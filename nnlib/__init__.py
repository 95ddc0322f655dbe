"""nnlib: the small NumPy package of the book *Neural Networks You Can Touch*."""

from nnlib import data, memory
from nnlib.activations import (
    elu, gelu, hard_sigmoid, hard_tanh, identity, leaky_relu, log_softmax, mish, prelu, relu, selu, sigmoid, softmax,
    softplus, step, swish, tanh,
)
from nnlib.attention import (
    MultiHeadAttention, PositionalEncoding, TransformerEncoderLayer, add_positions, attention_weights, join_heads,
    multi_head_attention, scaled_dot_product_attention, sinusoidal_positions, split_heads,
)
from nnlib.autodiff import Tensor, Value
from nnlib.autoencoder import VAE, gaussian_kl, reparameterize, vae_loss
from nnlib.boltzmann import RBM, Hopfield, binary_states, free_energy
from nnlib.convolution import Conv2D, conv1d, conv2d, im2col, output_size, receptive_field
from nnlib.gated import GRU, LSTM, gru, gru_cell, gru_gates, lstm, lstm_cell, lstm_gates
from nnlib.gradcheck import check_layer, check_operation, numerical_gradient, relative_error
from nnlib.graph import (
    GATConv, GCNConv, GraphPool, SAGEConv, aggregate, degree, graph_attention, graph_convolution, graph_pool,
    normalize_adjacency, sage_convolution, sample_neighbors,
)
from nnlib.init import he_normal, he_uniform, normal, orthogonal, xavier_normal, xavier_uniform, zeros
from nnlib.layer import Layer, Parameter
from nnlib.layers import Activation, Dense, Embedding, Flatten, Residual, Sequential, dense
from nnlib.losses import binary_cross_entropy, cross_entropy, hinge, huber, kl_divergence, mae, mse
from nnlib.metrics import accuracy, precision, recall
from nnlib.operation import Operation, operation
from nnlib.optim import (
    SGD, AdaGrad, Adam, AdamW, Momentum, RMSProp, clip_gradients, cosine_decay, exponential_decay, step_decay, warmup,
)
from nnlib.pooling import (
    AvgPool2D, GlobalAvgPool2D, MaxPool2D, MinPool2D, avg_pool2d, global_avg_pool2d, max_pool2d, min_pool2d,
)
from nnlib.recurrent import RNN, rnn, rtrl
from nnlib.regularize import (
    L1, L2, BatchNorm, Dropout, EarlyStopping, ElasticNet, LayerNorm, batch_norm, dropout, layer_norm,
)
from nnlib.stacked import Bidirectional, Stacked
from nnlib.train import DivergenceError, History, batches, evaluate, fit, k_fold, predict
from nnlib.upsampling import (
    Concatenate, ConvTranspose2D, MaxUnpool2D, Upsample2D, conv_transpose2d, max_unpool2d, upsample2d,
)
from nnlib.weights import load_weights, save_weights
