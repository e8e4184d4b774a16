"""Index terms to the matrix algebra a person would write."""

from .raising import Raiser, raised

__all__ = ["Raiser", "raised"]
