"""Exercises of chapter 16, Graph networks."""

import numpy as np

from nnlib.exercises import exercise


@exercise(
    chapter="16_graphs",
    title="A star on paper",
    minutes=5,
    value=True,
    prerequisites=["adjacency matrix", "self-loop", "mean over the neighbourhood"],
)
def paper_star():
    return np.array([3.0, 6.0, 4.0, 4.0])


@paper_star.mistake("The nodes do not hear themselves: each mean is over the node and its neighbours.")
def _():
    return np.array([4 / 3, 8.0, 8.0, 8.0])


@paper_star.mistake("These are sums. Divide each by the number of those who are heard, the node itself among them.")
def _():
    return np.array([12.0, 12.0, 8.0, 8.0])


@paper_star.mistake("You divide by the number of neighbours. The node itself is heard too, so there is one more.")
def _():
    return np.array([4.0, 12.0, 8.0, 8.0])


@paper_star.mistake(
    "Each message is divided by the number of those whom its sender talks to. In a mean, it is the listener who "
    "divides, by the number of those heard."
)
def _():
    return np.array([4.0, 4.0, 2.0, 2.0])


@exercise(
    chapter="16_graphs",
    title="Messages along a list of edges",
    minutes=15,
    prerequisites=["message passing", "self-loop", "indexing with arrays"],
)
def mean_over_edges(x, edges):
    total, heard = x.copy(), np.ones(len(x))
    for sender, receiver in ((0, 1), (1, 0)):
        np.add.at(total, edges[:, receiver], x[edges[:, sender]])
        np.add.at(heard, edges[:, receiver], 1)
    return total / heard[:, None]


def _graph(rng, n, p=0.4):
    """The edges (E, 2) of a random graph, each once, in random order and direction; node 0 has several, the last none."""
    A = np.triu(rng.random((n, n)) < p, 1)
    A[0, 1:4], A[:, -1] = True, False
    pairs = np.argwhere(A)
    turned = rng.random(len(pairs)) < 0.5
    pairs[turned] = pairs[turned][:, ::-1]
    return rng.permutation(pairs)


@mean_over_edges.inputs
def _(rng):
    yield "a path", 1, (rng.normal(size=(3, 2)), np.array([[0, 1], [1, 2]]))
    yield "a random graph", 2, (rng.normal(size=(8, 3)), _graph(rng, 8))


@mean_over_edges.mistake("Messages run one way only. Each edge stands once in the list and carries a message both ways.")
def _(x, edges):
    total, heard = x.copy(), np.ones(len(x))
    np.add.at(total, edges[:, 1], x[edges[:, 0]])
    np.add.at(heard, edges[:, 1], 1)
    return total / heard[:, None]


@mean_over_edges.mistake(
    "Where an index occurs several times, an addition to indexed elements happens once: of several messages to one "
    "node all but the last are lost. Look for a form of addition that repeats."
)
def _(x, edges):
    total, heard = x.copy(), np.ones(len(x))
    for sender, receiver in ((0, 1), (1, 0)):
        total[edges[:, receiver]] += x[edges[:, sender]]
        heard[edges[:, receiver]] += 1
    return total / heard[:, None]


@mean_over_edges.mistake("A node does not hear itself in yours: there is a self-loop at every node.")
def _(x, edges):
    total, heard = np.zeros_like(x), np.zeros(len(x))
    for sender, receiver in ((0, 1), (1, 0)):
        np.add.at(total, edges[:, receiver], x[edges[:, sender]])
        np.add.at(heard, edges[:, receiver], 1)
    return total / np.maximum(heard, 1)[:, None]


@mean_over_edges.mistake("These are sums: divide by the number of those who are heard.")
def _(x, edges):
    total = x.copy()
    for sender, receiver in ((0, 1), (1, 0)):
        np.add.at(total, edges[:, receiver], x[edges[:, sender]])
    return total


@exercise(
    chapter="16_graphs",
    title="How far does a node hear?",
    minutes=10,
    prerequisites=["adjacency matrix", "self-loop", "what a layer hears"],
)
def reach(A, layers):
    known = np.eye(len(A))
    for _ in range(layers):
        known = ((A + np.eye(len(A))) @ known > 0).astype(float)
    return known.sum(axis=1).astype(int)


def _adjacency(rng, n, p):
    A = np.triu(rng.random((n, n)) < p, 1).astype(float)
    A[0, 1] = A[1, 2] = A[2, 3] = A[3, 4] = 1
    return A + A.T


@reach.inputs
def _(rng):
    yield "one layer", 1, (_adjacency(rng, 7, 0.2), 1)
    yield "two layers", 1, (_adjacency(rng, 9, 0.15), 2)
    yield "three layers", 1, (_adjacency(rng, 12, 0.08), 3)


@reach.mistake("You count ways, and there are several ways to one node. Count each node once.")
def _(A, layers):
    return np.linalg.matrix_power(A + np.eye(len(A)), layers).sum(axis=1).astype(int)


@reach.mistake(
    "Yours are the nodes at the end of a walk of exactly so many steps. With self-loops, all within that many steps "
    "are heard, the node itself among them."
)
def _(A, layers):
    return (np.linalg.matrix_power(A, layers) > 0).sum(axis=1)


@reach.mistake("Only the direct neighbours are counted. The second layer hears what the first has heard.")
def _(A, layers):
    return (A + np.eye(len(A)) > 0).sum(axis=1) + 0 * layers if layers > 1 else A.sum(axis=1).astype(int)


@reach.mistake("The node itself is missing: through its self-loop it is heard in every layer.")
def _(A, layers):
    return (np.linalg.matrix_power(A + np.eye(len(A)), layers) > 0).sum(axis=1) - 1


@exercise(
    chapter="16_graphs",
    title="Many graphs as one",
    minutes=15,
    prerequisites=["adjacency matrix", "one vector for a graph"],
)
def merge_graphs(graphs):
    sizes = [len(A) for A in graphs]
    merged, start = np.zeros((sum(sizes), sum(sizes))), 0
    for A in graphs:
        merged[start : start + len(A), start : start + len(A)] = A
        start += len(A)
    return merged, np.repeat(np.arange(len(graphs)), sizes)


@merge_graphs.inputs
def _(rng):
    yield "two graphs of one size", 1, ([_adjacency(rng, 5, 0.3), _adjacency(rng, 5, 0.3)],)
    yield "graphs of several sizes", 2, ([_adjacency(rng, n, 0.3) for n in (6, 5, 8)],)


@merge_graphs.mistake(
    "The second array should say to which graph a node belongs. Yours says which node of its own graph it is."
)
def _(graphs):
    merged, _ = merge_graphs.reference(graphs)
    return merged, np.concatenate([np.arange(len(A)) for A in graphs])


@merge_graphs.mistake("There are edges between nodes of different graphs, so that messages pass from graph to graph.")
def _(graphs):
    merged, index = merge_graphs.reference(graphs)
    return np.where(index[:, None] == index, merged, 1), index


@merge_graphs.mistake("Each edge is there in one direction only: take the whole matrix of each graph.")
def _(graphs):
    merged, index = merge_graphs.reference(graphs)
    return np.triu(merged), index


@merge_graphs.mistake("Nodes got an edge to themselves. Leave the graphs as they are; a layer adds self-loops if it wants.")
def _(graphs):
    merged, index = merge_graphs.reference(graphs)
    return merged + np.eye(len(merged)), index
