"""A slip in an answer loses points: small changes of the references are noticed, or said to be as right."""

from nnlib.exercises import all_exercises
from tests.exercises.mutants import EQUIVALENT, survivors


def test_nearly_every_small_change_of_a_reference_is_noticed():
    counted = {name: survivors(name) for name in all_exercises()}
    everything = sum(count for count, _ in counted.values())
    lived = [f"{name}: {line}" for name, (_, alive) in counted.items() for line, _ in alive
             if (name, line) not in EQUIVALENT]
    assert everything > 20 * len(counted)
    assert len(EQUIVALENT) <= 0.05 * everything
    assert not lived, "\n".join(lived)
