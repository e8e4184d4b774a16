"""Reverse mode over index terms: one contraction rule, and the pullbacks of the table."""

from .jacobian import jacobian, product
from .lowering import lower
from .reverse import Pullback, Reverse, contraction_rule, reverse

__all__ = ["Pullback", "Reverse", "contraction_rule", "jacobian", "lower", "product", "reverse"]
