"""Derivations to source code: a NumPy module and its test, and callables compiled from it."""

from .evaluate import evaluate
from .matrix_functions import MatrixFunction
from .module import Compiled, Module, compile_module, module_of
from .structured_arrays import projected, structured
from .testfile import checked_sizes, source_of_test
