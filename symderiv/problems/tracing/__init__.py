"""Python functions written with NumPy to problems: they are run once, on arrays of symbols."""

from . import numpy_functions as numpy_functions
from . import numpy_indices as numpy_indices
from .run import trace as trace
