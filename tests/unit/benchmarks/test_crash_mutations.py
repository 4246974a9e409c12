"""The changes that make mutants of a function."""

from __future__ import annotations

import ast

from benchmarks.crash.mutations import mutations


def test_of_a_chained_comparison_the_first_one_is_flipped_and_the_rest_stays() -> None:
    made = dict(mutations(ast.parse("def f(x):\n    return 0 < x <= 5\n")))
    changed = ast.unparse(ast.fix_missing_locations(made["0 < x <= 5 flipped"]))
    assert changed == "def f(x):\n    return 0 >= x <= 5"
