"""Derivations to source code: a NumPy module and its test, and callables compiled from it."""

from .compiled import Compiled, compile_module
from .evaluate import evaluate
from .module import Module, module_of
from .testfile import size_choices, source_of_test

__all__ = [
    "Compiled",
    "Module",
    "compile_module",
    "evaluate",
    "module_of",
    "size_choices",
    "source_of_test",
]
