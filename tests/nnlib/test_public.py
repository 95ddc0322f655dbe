"""What holds for every public name: it is there, PyTorch's values are stored for it, float32 stays float32."""

import ast
import graphlib
import importlib
import inspect
import pkgutil
import sys
from pathlib import Path

import numpy as np
import pytest

import nnlib
from nnlib import Operation, Parameter

NAMES = """identity sigmoid tanh relu leaky_relu prelu elu selu softplus swish mish gelu hard_sigmoid hard_tanh
    softmax log_softmax mse mae huber binary_cross_entropy cross_entropy hinge kl_divergence Dense Activation
    Sequential Residual Flatten Dropout BatchNorm LayerNorm Embedding Conv2D MaxPool2D AvgPool2D MinPool2D
    GlobalAvgPool2D ConvTranspose2D Upsample2D MaxUnpool2D Concatenate RNN LSTM GRU Bidirectional Stacked
    MultiHeadAttention PositionalEncoding TransformerEncoderLayer VAE SGD
    Momentum AdaGrad RMSProp Adam AdamW clip_gradients zeros normal xavier_uniform xavier_normal he_uniform
    he_normal orthogonal L1 L2 ElasticNet EarlyStopping GCNConv SAGEConv GATConv GraphPool
    fit History batches k_fold precision recall Value Tensor
    check_layer check_operation RBM Hopfield free_energy binary_states""".split()
STORED = {                                      # operation: file of reference/
    "activations": """identity sigmoid tanh relu leaky_relu prelu elu selu softplus swish mish gelu hard_sigmoid hard_tanh
        softmax log_softmax""",
    "losses": "mse mae huber binary_cross_entropy cross_entropy hinge kl_divergence",
    "layers": "dense embedding fans",
    "regularize": "batch_norm layer_norm penalty",
    "convolution": "conv1d conv2d max_pool2d min_pool2d avg_pool2d global_avg_pool2d",
    "upsampling": "conv_transpose2d upsample2d max_unpool2d",
    "recurrent": "rnn lstm gru",
    "autoencoder": "reparameterize gaussian_kl vae_loss",
    "attention": "scaled_dot_product_attention multi_head_attention transformer_encoder_layer",
    "graph": "graph_convolution aggregate sage_convolution graph_attention",
    "optim": "SGD Adagrad Adam AdamW RMSprop clip schedule",
}
IMAGES, TABLE, SEQUENCES = (2, 3, 6, 6), (4, 3), (2, 5, 3)


def modules():
    for found in pkgutil.iter_modules(nnlib.__path__):
        if not found.ispkg:
            yield importlib.import_module(f"nnlib.{found.name}")


def test_every_public_name_is_there():
    assert [name for name in NAMES if not hasattr(nnlib, name)] == []


@pytest.mark.parametrize("topic", STORED)
def test_pytorchs_values_are_stored(topic, reference):
    stored = {key.split("/")[0] for key in reference(topic).files}
    assert set(STORED[topic].split()) <= stored


def test_every_argument_can_be_named():
    for module in modules():
        for name, thing in vars(module).items():
            if getattr(thing, "__module__", "") != module.__name__ or not callable(thing):
                continue
            functions = [thing.function if isinstance(thing, Operation) else thing]
            if inspect.isclass(thing):
                functions = [f for f in vars(thing).values() if inspect.isfunction(f)]
            for function in functions:
                parameters = inspect.signature(function).parameters.values()
                assert all(p.kind != p.POSITIONAL_ONLY for p in parameters), f"{name}: {function}"


new = dict(rng=np.random.default_rng(0), dtype=np.float32)
LAYERS = [
    (nnlib.Dense(3, 2, **new), TABLE), (nnlib.Flatten(), IMAGES), (nnlib.Dropout(0.5, rng=new["rng"]), TABLE),
    (nnlib.BatchNorm(3, dtype=np.float32), TABLE), (nnlib.BatchNorm(3, dtype=np.float32), IMAGES),
    (nnlib.LayerNorm(3, dtype=np.float32), TABLE), (nnlib.Residual(nnlib.Dense(3, 3, **new)), TABLE),
    (nnlib.Conv2D(3, 4, 3, stride=2, padding=1, dilation=1, **new), IMAGES), (nnlib.MaxPool2D(3, 2), IMAGES),
    (nnlib.MaxPool2D(2, padding=1), IMAGES), (nnlib.MinPool2D(2), IMAGES), (nnlib.AvgPool2D(3, 1), IMAGES),
    (nnlib.GlobalAvgPool2D(), IMAGES), (nnlib.ConvTranspose2D(3, 2, 3, stride=2, padding=1, **new), IMAGES),
    (nnlib.Upsample2D(2), IMAGES), (nnlib.MaxUnpool2D(nnlib.Conv2D(3, 3, 1, **new), kernel_size=2), IMAGES),
    (nnlib.Concatenate(nnlib.Activation(nnlib.identity), nnlib.Conv2D(3, 2, 1, **new)), IMAGES),
    (nnlib.RNN(3, 4, **new), SEQUENCES), (nnlib.LSTM(3, 4, **new), SEQUENCES),
    (nnlib.GRU(3, 4, **new), SEQUENCES),
    (nnlib.Bidirectional(nnlib.LSTM(3, 4, **new), nnlib.LSTM(3, 4, **new)), SEQUENCES),
    (nnlib.Stacked(nnlib.GRU(3, 4, **new), nnlib.GRU(4, 2, **new)), SEQUENCES),
    (nnlib.VAE(nnlib.Dense(3, 4, **new), nnlib.Dense(2, 3, **new), rng=new["rng"]), TABLE),
    (nnlib.MultiHeadAttention(3, 3, causal=True, **new), SEQUENCES),
    (nnlib.PositionalEncoding(5, 3, learned=True, **new), SEQUENCES),
    (nnlib.Sequential(nnlib.Dense(3, 4, **new), nnlib.PositionalEncoding(5, 4, dtype=np.float32)), SEQUENCES),
    (nnlib.TransformerEncoderLayer(3, 1, 4, norm_first=True, **new), SEQUENCES),
] + [(nnlib.Activation(getattr(nnlib, name)), TABLE) for name in STORED["activations"].split() if name != "prelu"]


@pytest.mark.parametrize("layer, shape", LAYERS, ids=lambda value: type(value).__name__)
def test_layers_keep_float32(layer, shape):
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    for mode in (layer.train, layer.eval):
        mode()
        y = layer(x)
        dx = layer.backward(np.ones_like(y), input_grad=True)
        arrays = [y, dx, *(a for p in layer.parameters() for a in (p.value, p.grad))]
        arrays += [b for part in layer.layers_inside() for b in part.buffers().values()]
        assert {a.dtype for a in arrays} == {np.dtype(np.float32)}


@pytest.mark.parametrize("name", STORED["losses"].split())
def test_losses_keep_float32(name):
    rng = np.random.default_rng(1)
    output = nnlib.log_softmax(rng.normal(size=TABLE).astype(np.float32))
    target = {"cross_entropy": rng.integers(3, size=4), "hinge": np.where(output > -1, 1, -1),
              "binary_cross_entropy": (output > -1).astype(int)}.get(name, np.exp(output))
    value, pullback = getattr(nnlib, name).vjp(output, target)
    assert value.dtype == np.float32 and pullback(1.0)[0].dtype == np.float32


@pytest.mark.parametrize("optimizer", [
    lambda p: nnlib.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1), lambda p: nnlib.Momentum(p, lr=0.1, nesterov=True),
    lambda p: nnlib.AdaGrad(p, lr=0.1), lambda p: nnlib.RMSProp(p, lr=0.1), lambda p: nnlib.Adam(p, lr=0.1),
    lambda p: nnlib.AdamW(p, lr=0.1),
])
def test_optimisers_keep_float32(optimizer):
    p = Parameter(np.ones(3, np.float32), "w")
    made = optimizer([p])
    for schedule in (np.float64(0.1), 0.01):
        p.add_grad(np.ones(3, np.float32))
        made.lr = schedule
        nnlib.clip_gradients([p], 0.5)
        nnlib.ElasticNet(0.1, 0.1, select=lambda p: True).add_gradients([p])
        made.step()
    assert p.value.dtype == p.grad.dtype == np.float32


HALF, PARTS = np.full((4, 3), 300, np.float16), (nnlib.Sequential(nnlib.Dense(3, 2)), np.zeros((4, 3)), np.zeros(4, int))
INITS = [getattr(nnlib, name) for name in
         "zeros normal xavier_uniform xavier_normal he_uniform he_normal orthogonal".split()]
DOORS = {
    "an operation": lambda: nnlib.relu(HALF), "a pullback": lambda: nnlib.relu.vjp(HALF),
    "a loss": lambda: nnlib.mse(HALF, HALF), "a target": lambda: nnlib.mse(np.ones((4, 3)), HALF),
    "a layer": lambda: PARTS[0](HALF), "its vjp": lambda: PARTS[0].vjp(HALF), "forward": lambda: PARTS[0].forward(HALF),
    "Parameter": lambda: Parameter(HALF, "W"), "Dense": lambda: nnlib.Dense(3, 2, dtype=np.float16),
    "BatchNorm": lambda: nnlib.BatchNorm(3, dtype=np.float16), "LSTM": lambda: nnlib.LSTM(3, 2, dtype=np.float16),
    "a value": lambda: setattr(Parameter([1.0], "W"), "value", HALF[0, :1]),
    "a gradient": lambda: Parameter([1.0], "W").add_grad(HALF[0, :1]), "Tensor": lambda: nnlib.Tensor(HALF),
    "predict": lambda: nnlib.predict(PARTS[0], HALF), "batches": lambda: nnlib.batches(HALF, PARTS[2], 2),
    "evaluate": lambda: nnlib.evaluate(PARTS[0], HALF, PARTS[2], loss=nnlib.cross_entropy),
    "fit": lambda: nnlib.fit(PARTS[0], HALF, PARTS[2], loss=nnlib.cross_entropy, epochs=1,
                             optimizer=nnlib.SGD(PARTS[0].parameters())),
    "accuracy": lambda: nnlib.accuracy(HALF, PARTS[2]), "jacobian": lambda: nnlib.softmax.jacobian(HALF),
    "a state": lambda: nnlib.RNN(3, 2)(np.ones((1, 2, 3)), state=np.ones((1, 2), np.float16)),
    "dy": lambda: PARTS[0].vjp(np.ones((4, 3)))[1](np.ones((4, 2), np.float16)),
    "dy of a recurrent layer": lambda: nnlib.RNN(3, 2).vjp(np.ones((1, 2, 3)))[1](np.ones((1, 2, 2), np.float16)),
    "dstate": lambda: nnlib.RNN(3, 2).vjp(np.ones((1, 2, 3)))[1](np.ones((1, 2, 2)), dstate=np.ones((1, 2), np.float16)),
    "dy of rtrl": lambda: nnlib.rtrl(
        np.ones((1, 2, 3)), np.ones((3, 2)), np.ones((2, 2)), np.ones(2), np.ones((1, 2, 2), np.float16)),
    "statistics": lambda: nnlib.batch_norm(np.ones((4, 3)), np.ones(3), np.ones(3), statistics=(HALF[0], np.ones(3))),
    "gates": lambda: nnlib.lstm_gates(np.ones(3), np.ones(2), np.ones((3, 8), np.float16), np.ones((2, 8)), np.ones(8)),
    **{f"dtype of {init.__name__}": lambda init=init: init((3, 2), dtype=np.float16) for init in INITS},
    "dtype of an encoding": lambda: nnlib.PositionalEncoding(4, 2, dtype=np.float16),
    "augment": lambda: nnlib.data.augment(np.ones((2, 4, 4), np.float16)),
}


@pytest.mark.parametrize("door", DOORS)
def test_half_precision_is_refused_at_every_door(door):
    """It would overflow in sums (70,000 squares, Adam's averages) where single precision does not."""
    with pytest.raises(TypeError, match="expects .* in float32 or float64, got float16"):
        DOORS[door]()


@pytest.mark.parametrize("make", [
    *(lambda dtype, init=init: init((3, 2), dtype=dtype) for init in INITS), lambda dtype: nnlib.Dense(3, 2, dtype=dtype),
    lambda dtype: nnlib.BatchNorm(3, dtype=dtype), lambda dtype: nnlib.LayerNorm(3, dtype=dtype),
    lambda dtype: nnlib.Embedding(3, 2, dtype=dtype), lambda dtype: nnlib.Conv2D(1, 2, 3, dtype=dtype),
    lambda dtype: nnlib.GRU(3, 2, dtype=dtype), lambda dtype: nnlib.MultiHeadAttention(4, 2, dtype=dtype),
    lambda dtype: nnlib.GCNConv(3, 2, dtype=dtype), lambda dtype: nnlib.PositionalEncoding(4, 2, dtype=dtype)])
def test_weights_are_floats(make):
    """As integers they would be cut off, most of them to 0."""
    for dtype in (int, bool, np.uint8, complex):
        with pytest.raises(TypeError, match=f"expects dtype in float32 or float64, got {np.dtype(dtype)}"):
            make(dtype)
    make("float32")


@pytest.mark.parametrize("x, got", [
    (None, "an array of real numbers, got NoneType"), (iter([1.0]), "an array of real numbers, got list_iterator"),
    (np.ma.masked_array([1.0, 2.0], [True, False]), "without a mask"),
    ([1j], "got complex128"), (["a"], "got <U1"), ([[1], [1, 2]], "rows of unequal length")])
def test_what_is_no_array_of_numbers_is_refused(x, got):
    for call in (nnlib.relu, nnlib.relu.vjp, PARTS[0], lambda x: nnlib.predict(PARTS[0], x), nnlib.Tensor,
                 lambda x: nnlib.mse(x, np.ones(2)), lambda x: nnlib.mse(np.ones(2), x),
                 lambda x: PARTS[0].vjp(np.ones((4, 3)))[1](x)):
        with pytest.raises((TypeError, ValueError), match=f"expects .*{got}"):
            call(x)


def imports(path):
    """Modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from (f"nnlib.{name.name}" if node.module == "nnlib" else node.module for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_the_core_knows_no_pictures_and_goes_in_no_circle():
    folder = Path(nnlib.__file__).parent
    core = {f"nnlib.{path.stem}": set(imports(path)) for path in folder.glob("*.py") if path.stem != "__init__"}
    for module, imported in core.items():
        others = {name.split(".")[0] for name in imported} - {"nnlib", "numpy"} - set(sys.stdlib_module_names)
        assert others <= ({"tqdm"} if module == "nnlib.train" else set()), module
        assert not {name for name in imported if name.startswith(("nnlib.plots", "nnlib.explore", "nnlib.exercises"))}, module
    order = graphlib.TopologicalSorter({module: imported & set(core) for module, imported in core.items()})
    assert set(order.static_order()) == set(core)               # raises CycleError in a circle
