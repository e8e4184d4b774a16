"""Python functions written with NumPy to problems: they are run once, on arrays of symbols."""

from . import functions as functions
from .run import trace as trace
