"""A derivation as a module for JAX: a custom_vjp around the derived backward pass.

Contract: the function can be traced, mapped and differentiated again in reverse mode; a variable
by which nothing was derived is refused where a gradient by it is taken.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..derivation.derivations import DerivedGradients
from ..derivation.jacobians import DerivativeMatrix
from .jax_helpers import JAX
from .library_modules import LibraryBuilder, LibraryModule
from .literals import docstring
from .numpy_code import python_name
from .source_layout import WIDE, listed, sentence, spaced


def jax_module_of(
    derivation: DerivedGradients,
    name: str | None = None,
    matrices: Sequence[DerivativeMatrix] = (),
) -> LibraryModule:
    """Return the JAX module of a derivation; ``matrices`` are the Hessians derived with it.

    Raises UnsupportedError, which names the operator, where JAX has no code for one.
    """
    name = name or derivation.problem.name.replace("-", "_")
    return JaxBuilder(derivation, name, matrices).library_module()


class JaxBuilder(LibraryBuilder):
    """Writes the module for JAX."""

    library = JAX

    def library_module(self) -> LibraryModule:
        """Return the module."""
        backward = self._backward()
        forward, outputs = self._forward()
        others = [source for m in self.matrices for source, _ in self._matrix(m)]
        assert self.target is not None
        parts = [forward, backward, *self._rule(), self._entry(outputs), *others]
        helpers = self.target.sources(*parts)
        body = [self._shapes(), self.target.read, *helpers, *(f"\n{part}" for part in parts)]
        whole = "\n".join(p.strip("\n") if p else "" for p in body)
        deeper = [x for x in ("jax.scipy.linalg", "jax.scipy.special") if x in whole]
        plain = ["import jax", "import jax.numpy as jnp", *(f"import {x}" for x in deeper)]
        head = self._head("forward and backward pass for JAX", self._imports(whole, plain))
        names = [*map(python_name, self.arrays), *map(python_name, self.given)]
        gradients = list(self.gradient_names.values())
        excerpt = self._excerpt("backward", names, self._excerpt_lines, gradients)
        return LibraryModule(
            library="jax",
            name=f"{self.name}_jax",
            source=spaced("\n".join([*head, "", whole]) + "\n"),
            excerpt="\n\n".join([excerpt, *self._rule()]),
            function=self.function_name,
            forward=tuple(self.names),
            sizes=tuple(self.hidden),
            functions=tuple(self.orders.items()),
            gradients=tuple(self.derivation),
            twice=True,
            others=tuple((n, n) for m in self.matrices for n in (m.name, m.product) if n),
        )

    def _rule(self) -> list[str]:
        """Return the custom_vjp: the function, what it keeps, and its cotangents."""
        names, keywords = self.names, self.keywords
        comma = "," if len(names) == 1 else ""
        missing = [n for n in self.arrays if n not in self.derivation]
        decorated = "@jax.custom_vjp"
        if keywords:
            places = ", ".join(map(str, range(len(names), len(names) + len(keywords))))
            places = f"({places}{',' * (len(keywords) == 1)})"
            decorated = f"@partial(jax.custom_vjp, nondiff_argnums={places})"
        named = [f"{k}={k}" for k in keywords]
        plain = [
            decorated,
            *listed("def _value(", [*names, *keywords], "):", 0),
            *listed("return forward(", [*names, *named], ")"),
        ]
        marked = [f"{python_name(n)}.perturbed" for n in missing]
        kept = [
            *listed("def _keep(", [*names, *keywords], "):", 0),
            *(self._refused(missing, marked) if missing else []),
            *self._unwrapped(missing),
            "    cache = {}",
            *listed("value = forward(", [*names, *named, "cache=cache"], ")"),
            *listed("return value, ((", [*names[:-1], f"{names[-1]}{comma}"], "), cache)"),
        ]
        given = self._given_name()
        inputs = [*names, *map(python_name, self.given), *named, "cache=cache"]
        items = [self._cotangent(n, given) for n in self.arrays]
        whole = f"    return {', '.join(items)}{',' * (len(items) == 1)}"
        pull = [
            *listed("def _pull_back(", [*keywords, "kept", given], "):", 0),
            *listed("(", [*names[:-1], f"{names[-1]}{comma}"], "), cache = kept"),
            *listed("gradients = backward(", inputs, ")"),
            *([whole] if len(whole) <= WIDE else listed("return (", items, ")")),
        ]
        zeros = ", symbolic_zeros=True" if missing else ""
        define = f"\n\n_value.defvjp(_keep, _pull_back{zeros})"
        return ["\n".join(plain), "\n".join(kept), "\n".join(pull), define]

    def _refused(self, missing: Sequence[str], marked: Sequence[str]) -> list[str]:
        names = ", ".join(map(python_name, missing))
        return [
            f"    if {' or '.join(marked)}:",
            f'        raise ValueError("no gradient was derived by {names}: use stop_gradient")',
        ]

    def _unwrapped(self, missing: Sequence[str]) -> list[str]:
        """Return the line that takes the arrays out of what says whether they are perturbed."""
        if not missing:
            return []
        comma = "," if len(self.names) == 1 else ""
        names = f"{', '.join(self.names)}{comma}"
        whole = f"    {names} = (a.value for a in ({names}))"
        if len(whole) <= WIDE:
            return [whole]
        first = listed("arrays = (", self.names, ")")
        return [*first, *listed("(", self.names, ") = (a.value for a in arrays)")]

    def _cotangent(self, name: str, given: str) -> str:
        if name not in self.derivation:
            return "None"
        found = f'gradients["{name}"]'
        return found if self.given else f"{given} * {found}"

    def _entry(self, outputs: Sequence[str]) -> str:
        """Return the function that checks its arguments, and calls the custom_vjp."""
        keywords = [*(["*"] if self.keywords else []), *self.keywords]
        read = [f"{n}={n}" for n in self.names]
        head = f"Return {', '.join(outputs)}; jax.grad takes the derived gradients by "
        derived = [python_name(n) for n in self.derivation]
        about = [
            *sentence(head, derived, ".", room=3),
            "",
            *self._parameters(self.arrays),
        ]
        return "\n".join(
            [
                *listed(f"def {self.function_name}(", [*self.names, *keywords], "):", 0),
                *docstring(about),
                *listed("arrays, _, _ = _read(", read, ")"),
                f"    return _value({', '.join(['*arrays', *self.keywords])})",
            ]
        )
