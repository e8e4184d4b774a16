"""Index terms to shorter equal ones, by named rules, factoring, and what is known of variables."""

from .facts import Facts
from .reusing import Reuse
from .simplifier import Simplifier
