"""Index terms to their cotangents: one rule for contractions, and the pullbacks of the table."""

from .open_jacobian import jacobian, product
from .reverse import Pullback, Reverse, contraction_rule, lower, reverse
