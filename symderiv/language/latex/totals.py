"""Sums over named indices: the range comes from the limit that is written, or from the body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import IndexNameError
from ...expr import Expr, index_sum, number
from ...shapes import Dim, size
from .trees import Total

if TYPE_CHECKING:
    from .reader import LatexReader


def total(reader: LatexReader, at: Total) -> Expr:
    """Return a sum over one index, which ends where its product ends."""
    name = at.index.id
    declared = reader.declared
    if name in declared.variables or name in reader.bound or name in reader.definitions:
        raise IndexNameError(
            f"{name} is in use already",
            span=reader.span(at.index),
            remedy="an index needs a name of its own",
        )
    outer = reader.indices.pop(name, None)
    reader.indices[name] = reader.unifier.fresh()
    if at.upper is not None:
        bound = reader.read(at.upper)
        limit = bound.data if isinstance(bound.data, Dim) else size(int(number(bound)))
        reader.indices[name] = limit
    reader.bound.add(name)
    body = reader.read(at.body)
    reader.bound.discard(name)
    dim = reader.unifier.resolve(reader.indices.pop(name))
    if outer is not None:
        reader.indices[name] = outer
    if dim.is_unknown:
        raise IndexNameError(
            f"the range of the index {name} is not known: nothing in the body uses it",
            span=reader.span(at.index),
            remedy=f"give it a limit: \\sum_{{{name}=1}}^{{n}}",
        )
    return index_sum(name, dim, body)
