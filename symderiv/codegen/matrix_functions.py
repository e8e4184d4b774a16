"""Which functions a module has for Jacobians and Hessians, and what these return.

Contract: a matrix has two axes, also where one is 1; the derivative by a scalar has the shape of
what is differentiated. A direction of a Hessian has the shape of the variable of its columns, and
the product that of the variable of its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..core.expr import Expr
from ..core.shapes import ONE, SCALAR
from ..derivation.jacobians import DerivativeMatrix
from ..problems import Problem


@dataclass(frozen=True, slots=True)
class MatrixFunction:
    """The function of one Jacobian or Hessian, and that of its product with a direction."""

    name: str
    of: str  # the variable of the gradient that is differentiated; "" for the value of forward
    by: str
    turned: bool  # whether it is in denominator layout
    expr: Expr
    about: str
    product: str = ""  # the function of the product, of the transpose for a Jacobian
    direction: str = ""
    product_expr: Expr | None = None  # None for a Jacobian: its product is backward

    @property
    def expressions(self) -> tuple[Expr, ...]:
        """Return what is computed."""
        return (self.expr,) if self.product_expr is None else (self.expr, self.product_expr)


def matrix_functions(
    matrices: Sequence[DerivativeMatrix], problem: Problem
) -> tuple[MatrixFunction, ...]:
    """Return the functions of matrices: ``hessian``, of several ``hessian_W``, ``hessian_W_b``."""
    names = _Names()
    found = []
    for m in matrices:
        is_one = len(matrices) == 1 and not m.is_mixed
        found.append(_of_hessian(m, names, is_one) if m.is_hessian else _of_jacobian(m, problem))
    return tuple(found)


def _of_jacobian(m: DerivativeMatrix, problem: Problem) -> MatrixFunction:
    given = [n for n in problem.upstream if n not in m.problem.upstream]
    about = _about(m, "the Jacobian", "the value")
    product = "backward" if given else ""
    turned = m.layout == "denominator"
    return MatrixFunction("jacobian", "", m.name, turned, m.expr, about, product, "".join(given))


def _of_hessian(m: DerivativeMatrix, names: _Names, is_one: bool) -> MatrixFunction:
    name = names.fresh("hessian" if is_one else "_".join(["hessian", *m.variables]))
    what = "the mixed second derivatives" if m.is_mixed else "the Hessian"
    about = _about(m, what, f"the gradient by {m.of}")
    turned = m.layout == "denominator"
    plain = MatrixFunction(name, m.of, m.name, turned, m.expr, about)
    if m.variable.shape == SCALAR:
        return plain
    product = m.direction_product("" if is_one else f"_{m.name}")
    return MatrixFunction(
        name, m.of, m.name, turned, m.expr, about,
        names.fresh(f"{name}_product"), str(product.direction.data), product.expr,
    )  # fmt: skip


def _about(m: DerivativeMatrix, what: str, value: str) -> str:
    """Return what rows and columns run over, in a sentence without its verb."""
    if m.variable.shape == SCALAR:
        return f"{what} by {m.name}, in the shape of {value}"
    rows, columns = (value, m.name) if m.layout == "numerator" else (m.name, value)
    order = "" if all(len(e) < 2 for e in m.ends) else ", matrices column by column"
    return f"{what}: a row for each entry of {rows}, a column for each of {columns}{order}"


class _Names:
    """Hands out names of functions, each once."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def fresh(self, name: str) -> str:
        """Return a name that no other function has."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name


def both_axes(name: str, x: Expr) -> str:
    """Return a matrix as source with both its axes: NumPy has vectors and numbers without."""
    rows, columns = (d == ONE for d in x.shape)
    if rows and columns:
        return f"np.reshape({name}, (1, 1))"
    if rows or columns:
        return f"{name}[None, :]" if rows else f"{name}[:, None]"
    return name
