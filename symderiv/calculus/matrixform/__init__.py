"""Index terms to the matrix algebra a person would write."""

from .kron import vec_order
from .raising import Raiser, raised
