"""Index terms to their cotangents: one rule for contractions, and the pullbacks of the table."""

from .lowering import lower
from .open_jacobian import jacobian, product
from .reverse import Pullback, Reverse, contraction_rule, reverse

__all__ = ["Pullback", "Reverse", "contraction_rule", "jacobian", "lower", "product", "reverse"]
