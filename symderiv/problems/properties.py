"""Properties of variables: the words that may stand after a shape, and how each is read.

Contract: one property, one entry. Knows words, not calculus: what follows from a property is
with the rules that use it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from ..core.expr import Expr, Variable, walk
from ..core.shapes import ONE
from ..ops import TABLE

# What is printed back after the name of the variable.
READINGS = {
    "symmetric": "is symmetric",
    "skew": "is skew-symmetric",
    "diagonal": "is diagonal",
    "toeplitz": "is a Toeplitz matrix",
    "lower": "is lower triangular",
    "upper": "is upper triangular",
    "orthogonal": "is orthogonal",
    "spd": "is symmetric positive definite",
    "positive": "is positive",
    "invertible": "is invertible",
    "onehot": "has one-hot rows",
    "onehot_cols": "has one-hot columns",
    "sums_to_one": "has rows that sum to one",
    "binary": "has entries 0 and 1",
    "pm1": "has entries 1 and -1",
    "unit01": "has entries between 0 and 1",
    "count": "has whole entries, none of them negative",
}
PROPERTIES = tuple(READINGS)
SQUARE = frozenset(PROPERTIES[: PROPERTIES.index("invertible") + 1]) - {"positive"}

_REAL = "every variable is real: leave it out"
_OF_A_COLUMN = {
    "onehot": "is a one-hot vector",
    "onehot_cols": "is a one-hot vector",
    "sums_to_one": "has entries that sum to one",
}
# Words that people write for a property that has another name here, or that there is not.
_OTHER_WORDS = {
    **dict.fromkeys(("psd", "semidefinite", "nonnegative-definite"), "symmetric, or spd"),
    **dict.fromkeys(("pd", "posdef", "definite", "positive-definite", "SPD"), "spd"),
    **dict.fromkeys(("antisymmetric", "skew-symmetric", "skewsymmetric"), "skew"),
    **dict.fromkeys(("unitary", "orthonormal", "rotation"), "orthogonal"),
    **dict.fromkeys(("nonsingular", "regular", "full-rank"), "invertible"),
    **dict.fromkeys(("triangular", "lower-triangular", "tril"), "lower, or upper"),
    **dict.fromkeys(("upper-triangular", "triu"), "upper"),
    **dict.fromkeys(("integer", "integers", "int", "natural", "counts"), "count"),
    **dict.fromkeys(("one-hot", "one_hot", "onehot_rows", "categorical"), "onehot, or onehot_cols"),
    **dict.fromkeys(("boolean", "bool", "mask", "indicator"), "binary"),
    **dict.fromkeys(("probability", "probabilities", "simplex", "stochastic"), "sums_to_one"),
    **dict.fromkeys(("sign", "signs", "plusminus"), "pm1"),
    **dict.fromkeys(("nonnegative", "nonneg", "strictly"), "positive"),
    **dict.fromkeys(("label", "labels"), "onehot for what integer labels stand for"),
}
_COMPLEX = ("complex", "hermitian", "Hermitian", "imaginary")


def remedy_for(word: str) -> str:
    """Return what to write instead of a word that is no property.

    >>> remedy_for("symetric").split(";")[0]
    "did you mean 'symmetric'?"
    >>> remedy_for("complex")
    'every variable is real: leave it out'
    """
    if word in _COMPLEX or word == "real":
        return _REAL
    if len(word) < 3:
        return "sizes are separated by commas: n, d"
    there = f"the properties are: {' '.join(PROPERTIES)}"
    stem = word.partition("(")[0]
    if stem in _OTHER_WORDS:
        return f"write {_OTHER_WORDS[stem]}; {there}"
    near = difflib.get_close_matches(word, [*PROPERTIES, "scalar"], 1)
    return f"did you mean {near[0]!r}?; {there}" if near else there


def is_word_of_properties(word: str) -> bool:
    """Whether people mean a property by a word, so that it is no size.

    >>> is_word_of_properties("psd"), is_word_of_properties("batch")
    (True, False)
    """
    stem = word.partition("(")[0]
    return stem in _OTHER_WORDS or word in (*_COMPLEX, "real")


def readings(variable: Variable) -> Iterator[str]:
    """Yield how each property of a variable is read, after its name.

    >>> from symderiv.core.shapes import symbol
    >>> list(readings(Variable("Y", (symbol("n"), symbol("k")), "matrix", ("onehot",))))
    ['has one-hot rows']
    """
    for p in variable.properties:
        is_column = variable.kind == "vector" and p in ("onehot", "onehot_cols", "sums_to_one")
        yield _OF_A_COLUMN[p] if is_column else READINGS[p]


def crosswise(objective: Expr, variable: Variable) -> Expr | None:
    """Return what works down the columns, axis=0, where it meets a variable of one-hot rows.

    The two meet in an operation that has one of them in one argument and the other in another, or
    where the variable stands inside.
    """
    if "onehot" not in variable.properties or variable.kind != "matrix":
        return None
    below: dict[Expr, tuple[bool, Expr | None]] = {}
    for e in walk(objective):
        inside = [below[a] for a in e.args]
        has = e is variable.expr or any(h for h, _ in inside)
        found = next((f for _, f in inside if f is not None), None)
        if _goes_down(e):
            if any(h for h, _ in inside):
                return e
            found = e
        for k, (h, _) in enumerate(inside):
            others = (f for j, (_, f) in enumerate(inside) if j != k and f is not None)
            if h and (met := next(others, None)) is not None:
                return met
        below[e] = has, found
    return None


# What is said between the operation and the name of the variable.
CROSSWISE = "works down the columns; if it is the columns that are one-hot in"


def in_columns(variable: Variable) -> str:
    """Return the declaration of a variable of one-hot columns.

    >>> from symderiv.core.shapes import symbol
    >>> in_columns(Variable("Y", (symbol("n"), symbol("k")), "matrix", ("onehot",)))
    'Y: n, k onehot_cols'
    """
    words = ("onehot_cols" if p == "onehot" else p for p in variable.properties)
    return f"{variable.name}: {', '.join(map(str, variable.written))} {' '.join(words)}"


def _goes_down(e: Expr) -> bool:
    """Whether an operation sums or shares out along axis 0 of a matrix."""
    if len(e.args) != 1 or len(e.args[0].shape) > 2:
        return False
    return TABLE[e.op].axis != "" and e.data == 0 and e.args[0].shape[1] != ONE
