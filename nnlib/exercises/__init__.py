"""Exercises that check themselves.

A reader writes a function and calls ``check(function)``: it says what is right, what is wrong, and gives the
hint made for the mistake that was really made. The same registry serves the instructor's grading.

One module a chapter holds that chapter's exercises (``ch02_activations.py``). An entry is the reference
solution, followed by the inputs it is tried on and three to seven plausible wrong answers, each a real
function with its hint::

    import numpy as np
    from nnlib.exercises import exercise

    @exercise(chapter="02_activations", title="Softmax without overflow", minutes=10,
              prerequisites=["sums along an axis", "broadcasting"])
    def softmax(z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    @softmax.inputs
    def _(rng):                                  # label, points, arguments
        yield "ordinary scores", 1, (rng.normal(size=(4, 3)),)
        yield "large scores", 1, (1000 + rng.normal(size=(3, 4)),)

    @softmax.mistake("np.exp(1000) is inf, and inf / inf is nan: subtract each row's maximum first.")
    def _(z):
        e = np.exp(z)
        return e / e.sum(axis=1, keepdims=True)

- The exercise's name is the function's name: what the reader writes, and what ``check`` finds it by.
- Arguments are plain: arrays, numbers, booleans, strings, ``None``, and lists or tuples of these. Choose
  inputs on which every listed mistake gives an answer of its own; labels complete the sentence "right on
  ...". All inputs come from ``rng``, because an instructor's grading uses other seeds.
- The answer is an array, a number, a string, or a tuple of these. Arrays are compared with tolerances
  ``rtol`` and ``atol``; ``keep_dtype=True`` also asks for the reference's dtype. A function that changes its
  arguments in place is wrong.
- A solution needs NumPy only: an instructor's copy runs where ``nnlib`` is not installed.
- A hint says what went wrong and which idea cures it. It does not give the line of code.
- Need no hint: a missing ``return``, an exception, nan, a wrong shape or number of values. ``check`` explains
  those by itself, unless a listed mistake gives the very same result: then its hint is shown.

**Not a function of plain arguments?** Say with ``call`` how the answer is used. It gets what the reader wrote
and the case's arguments, and returns what is compared. It may use its arguments and ``np``, nothing else
(when grading it runs apart from this module)::

    @exercise(chapter="04_backpropagation", title="...", minutes=25)
    class Value: ...                             # a class works like a function

    @Value.call
    def _(Value, a, b):
        x, y = Value(a), Value(b)
        z = x * y + x
        z.backward()
        return z.value, x.grad, y.grad

    @Value.mistake("A value used twice gets the sum of two gradients: add to grad, do not overwrite it.")
    class _(Value.reference): ...

The same serves functions that take a function (build it inside ``call``) or that update arrays in place
(call, then return the arrays).

**A number as the answer** ("how many parameters?"): the reference is a function without arguments that
returns it, marked ``value=True``; ``inputs`` may be left out. The page has ``dense_parameters = ...`` and
``check(dense_parameters, "dense_parameters")``; the mistakes return the wrong numbers. With ``call`` an
answer that is not unique can be judged by what it does (weights and bias of an AND neuron: return the outputs
on the four inputs)::

    @exercise(chapter="01_neurons", title="Count the parameters", minutes=3, value=True)
    def dense_parameters():
        return 784 * 32 + 32

In the chapter's notebook an exercise has its task, a code cell with stub and check, and its solution::

    ```{exercise-start} Softmax without overflow
    :label: ex-softmax
    ```
    The task, in prose. State the shapes. *10 minutes, 2 points.*

    def softmax(z):
        \"\"\"Rows of scores z (N, K) -> rows of probabilities (N, K).\"\"\"
        raise NotImplementedError


    check(softmax)

    ```{exercise-end}
    ```

    ```{solution-start} ex-softmax
    :class: dropdown
    ```
    Why it is so, in prose.

    def softmax(z):
        ...


    check(softmax)

    ```{solution-end}
    ```

The label is ``ex-`` and the name with hyphens (``dense_backward`` -> ``ex-dense-backward``), the title is
the registry's. The task stands by itself, without a reference to the page around it: it is also handed out
alone. Exercises to think about are the same without code. Code outside an exercise never uses a name that
an exercise defines: it says ``nnlib.softmax``, so that the page runs whatever the reader wrote. ``pytest
tests/exercises`` tries every entry and every notebook.
"""

from nnlib.exercises.registry import Exercise, all_exercises, check, exercise

__all__ = ["Exercise", "all_exercises", "check", "exercise"]
