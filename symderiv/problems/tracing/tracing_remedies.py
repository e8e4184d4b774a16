"""What to write instead of that which cannot be followed, by the word in the user's line."""

from __future__ import annotations

_OUTSIDE = "compute it outside of the function and give it as an argument"

# Read in this order: the first word that stands in the marked text.
LOOP = {
    "logsumexp": "write np.log(np.sum(np.exp(x), axis=1))",
    "sum(": "write np.sum(x, axis=0)",
    "": "write it for all rows at once: X @ W, np.sum(X, axis=1)",
}
INTEGER = {
    "random": "draw the numbers outside of the function and give them as an argument",
    "range": "instead of a loop over range(n) write the sum over all rows with @ or np.sum; a loop "
    'over a fixed number of steps has a number: X="3, d"',
    "eye": "write np.eye(n), or np.eye(n, like=X) with an argument X",
    "ones": "write np.ones(n), or np.ones(n, like=X) with an argument X",
    "zeros": "write np.zeros(n), or np.zeros(n, like=X) with an argument X",
    "": 'declare the size as a number: X="3, d"',
}
NUMBER = {
    "math.": "use the functions of NumPy (np.sqrt, not math.sqrt)",
    "float": "leave float() out",
    "int(": "leave int() out, or declare the size as a number: X='3, d'",
    "": "leave the conversion out, and use the functions of NumPy",
}
BRANCH = {
    "max(": "write np.maximum(a, b)",
    "min(": "write np.minimum(a, b)",
    "": "write np.where(condition, a, b)",
}
ARRAY = {
    "logsumexp": "write np.log(np.sum(np.exp(x), axis=1))",
    "softmax": "write np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True)",
    "linalg": "write it with np.linalg: solve, inv, det, slogdet, cholesky, pinv, eigvalsh, norm",
    "float": NUMBER["float"],
    "": "leave np.array out, write it with functions of NumPy, or compute it outside of the "
    "function",
}
OF_NUMBERS = {
    "flags": "leave questions about the memory of an array out",
    "arg": "give the place as a one-hot vector",
    ".any": "leave checks of the values out",
    ".all": "leave checks of the values out",
    ".imag": "the entries are real; leave it out",
    "": "leave it out, write it with functions of NumPy, or compute it outside of the function",
}
FUNCTION = {
    "softmax": ARRAY["softmax"],
    "random": INTEGER["random"],
    "cumsum": "write np.tril(np.ones((n, n))) @ X",
    "diff": "write x[1:] - x[:-1], with a size that is a number",
    "svd": 'np.linalg.norm(A, "nuc") and np.linalg.norm(A, 2) are followed, np.linalg.eigvalsh',
    "eig": "np.linalg.eigvalsh is followed, for symmetric matrices",
    "lstsq": "write np.linalg.solve(A.T @ A, A.T @ b)",
    "qr": _OUTSIDE,
    "arg": "give the place as a one-hot vector",
    "sort": _OUTSIDE + ", as a permutation matrix",
    "isnan": "leave checks of the values out",
    "isfinite": "leave checks of the values out",
    "all": "leave checks of the values out",
    "any": "leave checks of the values out",
    "take": "give one-hot rows instead: Y @ E for the rows E[y]",
    "tile": "write np.kron, or x[:, None] * np.ones((n, 3))",
    "repeat": "write np.kron, or x[:, None] * np.ones((n, 3))",
    "median": _OUTSIDE,
    "": "write it with functions that it has: + - * / ** @, np.exp and its like, sums, np.einsum, "
    "np.linalg",
}


def chosen(remedies: dict[str, str], marked: str) -> str:
    """Return the remedy for the first word that a text has in it."""
    return next(remedy for word, remedy in remedies.items() if word in marked)
