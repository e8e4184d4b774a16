"""What writes the test that travels with a module for an array library."""

from __future__ import annotations

from collections.abc import Callable

from .jax_testfile import source_of_jax_test
from .torch_testfile import source_of_torch_test

TESTS: dict[str, Callable[..., str]] = {"torch": source_of_torch_test, "jax": source_of_jax_test}
