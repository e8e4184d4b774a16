"""Reads sums with what the names in them stand for, so that those that read alike are found."""

from __future__ import annotations

from ...tensor import Factor, Parts, Term, add, contract, summands


class Readings:
    """Sums as they read once names are read, found once for each: every pair is compared."""

    def __init__(self) -> None:
        self._memo: dict[Term, Term] = {}

    def same(self, a: Term, b: Term) -> bool:
        """Whether two different terms are one once names among their own parts are read."""
        if a is b or a.dims != b.dims:
            return False
        if "named" in (a.kind, b.kind):
            return _read(a) is _read(b)
        return a.kind == b.kind == "add" and self._of(a) is self._of(b)

    def _of(self, total: Term) -> Term:
        if total not in self._memo:
            self._memo[total] = _reads_names(total)
        return self._memo[total]


def _read(term: Term) -> Term:
    while term.is_name:
        term = term.children[0]
    return term


def _reads_names(total: Term) -> Term:
    """Return a sum with what the names in its summands stand for."""
    out, dims = range(len(total.dims)), dict(enumerate(total.dims))
    bodies = []
    for scale, body in summands(total):
        parts = Parts.of(body)
        read = [Factor(_read(f.term), f.labels, f.exponent) for f in parts.factors]
        whole = contract(read, parts.out, parts.dims, parts.scale)
        bodies.append(contract([Factor(whole, tuple(out))], out, dims, scale))
    return add(bodies)
