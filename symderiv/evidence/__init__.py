"""Derivations to certificates: both roads, differences and other libraries, compared."""

from .certificate import Certificate
from .second_derivatives import (
    gather_matrix,
    joined,
    shown_sizes,
    verify_at_numbers,
    verify_jacobian,
)
from .structured_checks import check_structured
from .verification import Evidence, check_roads, gather
