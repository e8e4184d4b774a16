"""A derivation as a NumPy module: ``forward`` and ``backward``; SciPy only where needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..derivation import Derivation
from ..expr import Expr, sum_index, walk_all
from ..ops import TABLE
from ..shapes import ONE, Shape
from .helpers import SOURCES, imports, with_needs
from .lines import Line, array_shape, plan, shape_text
from .mentions import functions, loss_names, named_nodes, names_used, used
from .numpy_code import Coder, is_number, python_name

_READ = '''
def _read(**arrays):
    """Return the arrays as floats, the sizes they show, and their common dtype."""
    sizes, found = {}, []
    for name, array in arrays.items():
        array = np.asarray(array)
        if array.dtype.kind not in "fc":
            array = array.astype(float)
        expected = SHAPES[name]
        fits = array.ndim == len(expected)
        for dim, size in zip(expected, array.shape):
            known = int(dim) if dim.isdigit() else sizes.setdefault(dim, size)
            fits = fits and size == known
        if not fits:
            shape = "(" + ", ".join(expected) + ("," if len(expected) == 1 else "") + ")"
            known = ", ".join(f"{k} = {v}" for k, v in sizes.items() if k in expected)
            raise ValueError(f"{name} has shape {array.shape}; expected {shape} with {known}")
        found.append(array)
    return found, sizes, np.result_type(*found)
'''


@dataclass(frozen=True, slots=True)
class Module:
    """Generated source, with what a caller needs to know to run it."""

    name: str
    source: str
    excerpt: str  # the backward pass alone, for documents
    forward: tuple[str, ...]  # parameters of forward, then of backward
    backward: tuple[str, ...]
    outputs: tuple[str, ...]  # what forward returns: arguments of the losses, or the objective
    gradients: tuple[str, ...]
    functions: tuple[str, ...]  # unspecified functions that are passed as callables
    sizes: tuple[str, ...]  # sizes that no array shows, passed as keywords
    losses: tuple[str, ...]  # losses passed as callables, where the objective is more than L(Z)
    analytic: bool
    shapes: tuple[tuple[str, tuple[str, ...]], ...]  # of every array, by its name in the code


def module_of(derivation: Derivation, name: str | None = None) -> Module:
    """Return the NumPy module of a derivation."""
    return _Builder(derivation, name or derivation.problem.name.replace("-", "_")).module()


class _Builder:
    def __init__(self, derivation: Derivation, name: str) -> None:
        self.derivation, self.problem, self.name = derivation, derivation.problem, name
        self.sections = derivation.sections
        self.named = named_nodes(derivation)
        self.arrays = list(self.problem.variables)
        self.given = list(self.problem.upstream)
        self.helpers: dict[str, None] = {}
        shown = {str(d) for v in self.problem.variables.values() for d in array_shape(v.shape)}
        self.hidden = [d for d in self.problem.dims if d not in shown]
        self.functions = functions(self._everything())
        self.is_pure = self.problem.objective.op == "loss"
        self.losses = loss_names(self.problem.objective, self.derivation.staged_objective)
        # Where the objective is more than L(Z), its losses are passed as callables.
        self.passed = () if self.is_pure else tuple(dict.fromkeys(self.losses.values()))
        self.taken = self._names_in_use()
        self.gradient_names = {n: self._fresh(f"d{n}") for n in derivation}

    def _names_in_use(self) -> set[str]:
        names = [*self.arrays, *self.given, *(str(e.data) for e in self.named)]
        names += [str(s.given.data) for s in self.sections if s.given is not None and s.given.data]
        loops = [sum_index(e)[0] for e in self._everything() if e.op == "Sum"]
        plain = [*self.problem.dims, *self.functions, *self.passed, *loops]
        return {*map(python_name, names), *plain}

    def _fresh(self, base: str) -> str:
        """Return a local name that nothing else in the module has."""
        name = python_name(base)
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def _everything(self) -> list[Expr]:
        results = [s.result for s in self.sections]
        return list(walk_all([self.problem.objective, *results]))

    def module(self) -> Module:
        backward = self._backward()
        forward, outputs = self._forward()
        body = [SOURCES[h] for h in with_needs(self.helpers)] + ["", forward, "", backward]
        needed = "\n".join(["import numpy as np", *imports("\n".join(body))])
        parts = [self._docstring(), "", needed, "", self._shapes(), _READ, *body]
        source = "\n".join(p.strip("\n") if p else "" for p in parts) + "\n"
        operators = {e.op for e in self._everything()}
        return Module(
            name=self.name,
            source=_spaced(source),
            excerpt=self._excerpt(),
            forward=tuple(self.arrays),
            backward=(*self.arrays, *self.given),
            outputs=outputs,
            gradients=tuple(self.derivation),
            functions=tuple(self.functions),
            sizes=tuple(self.hidden),
            losses=self.passed,
            analytic=all(TABLE[op].analytic for op in operators),
            shapes=tuple(
                (python_name(n), tuple(self._array_dims(n))) for n in [*self.arrays, *self.given]
            ),
        )

    def _docstring(self) -> str:
        text = "; ".join(line.strip() for line in self.problem.text.splitlines() if line.strip())
        title = self.problem.title.replace("\\", "").replace('"', "'")
        text = text.replace("\\", "").replace('"""', "")
        lines = [f"{title}: forward and backward pass.", "", "Generated by symderiv from", ""]
        return '"""' + "\n".join([*lines, f"    {text}"]) + '\n"""\n'

    def _shapes(self) -> str:
        rows = []
        for name in [*self.arrays, *self.given]:
            dims = "".join(f'"{d}", ' for d in self._array_dims(name)).rstrip()
            dims = dims[:-1] if dims.count(",") > 1 else dims
            rows.append(f'    "{python_name(name)}": ({dims}),')
        return "SHAPES = {\n" + "\n".join(rows) + "\n}\n"

    def _array_dims(self, name: str) -> list[str]:
        if name in self.problem.upstream:
            return [str(d) for d in array_shape(self.problem.upstream[name].shape)]
        return [str(d) for d in self.problem.variables[name].written]

    # the two functions

    def _signature(self, function: str, names: Sequence[str]) -> str:
        plain = [python_name(n) for n in names]
        keywords = [*self.passed, *self.functions, *self.hidden, "cache=None"]
        return f"def {function}({', '.join([*plain, '*', *keywords])}):"

    def _opening(self, names: Sequence[str], coder: Coder) -> list[str]:
        plain = [python_name(n) for n in names]
        arguments = ", ".join(f"{n}={n}" for n in plain)
        sizes = "sizes" if set(coder.sizes) - set(self.hidden) else "_"
        dtype = "dtype" if self._uses_dtype else "_"
        comma = "," if len(plain) == 1 else ""
        lines = [f"    ({', '.join(plain)}{comma}), {sizes}, {dtype} = _read({arguments})"]
        wanted = [d for d in coder.sizes if d not in self.hidden]
        if wanted:
            values = ", ".join(f'sizes["{d}"]' for d in wanted)
            lines.append(f"    {', '.join(wanted)} = {values}")
        for name in names:
            if self._is_thin(name):
                axes = array_shape(self.problem.variables[name].shape)
                flat = ".ravel()" if axes else ".reshape(())"
                lines.append(f"    {python_name(name)} = {python_name(name)}{flat}")
        return lines

    def _body(self, lines: Sequence[Line]) -> list[str]:
        codes = [f"    {line.name} = {line.code}" for line in lines]
        wide = min(max((len(c) for c in codes), default=0), 64)
        return [f"{c.ljust(wide)}  # {line.comment}" for c, line in zip(codes, lines, strict=True)]

    def _stage_lines(self, coder: Coder) -> list[tuple[str, Expr]]:
        return [(coder.name(e), e.args[0]) for e in self.named]

    def _forward(self) -> tuple[str, tuple[str, ...]]:
        coder = Coder(losses=self.losses)
        outputs: list[tuple[str, Expr]] = self._stage_lines(coder)
        known = {x: n for n, x in outputs}
        returned: list[tuple[str, Shape]] = []
        if self.is_pure:
            self._return(self.problem.objective.args[0], coder, outputs, known, returned)
        else:
            staged = self.derivation.staged_objective
            name = self._fresh("value")
            outputs.append((name, staged))
            returned.append((name, staged.shape))
        lines = self._body(plan(outputs, coder, self.taken))
        self.helpers.update(coder.helpers)
        self._uses_dtype = any("dtype=dtype" in line for line in lines)
        names = ", ".join(n for n, _ in returned)
        shapes = "; ".join(f"{n}: {_described(shape)}" for n, shape in returned)
        source = [
            self._signature("forward", self.arrays),
            f'    """Return {names} ({shapes}).',
            "",
            *self._parameters(self.arrays),
            *self._loss_notes(),
            "    A dict passed as ``cache`` receives the intermediates that ``backward`` can use.",
            '    """',
            *self._opening(self.arrays, coder),
            *lines,
            *self._keep(),
            f"    return {names}",
        ]
        return "\n".join(source) + "\n", tuple(n for n, _ in returned)

    def _loss_notes(self) -> list[str]:
        return [f"    {name}: the unspecified loss, a callable" for name in self.passed]

    def _return(
        self,
        x: Expr,
        coder: Coder,
        outputs: list[tuple[str, Expr]],
        known: dict[Expr, str],
        returned: list[tuple[str, Shape]],
    ) -> None:
        if x.op in ("var", "named"):
            returned.append((coder.name(x), x.shape))
            return
        if x not in known:
            name = self._fresh("out")
            outputs.append((name, x))
            known[x] = name
        returned.append((known[x], x.shape))

    def _keep(self) -> list[str]:
        if not self.named:
            return []
        names = [python_name(str(e.data)) for e in self.named]
        kept = ", ".join(f"{n}={n}" for n in names)
        return ["    if cache is not None:", f"        cache.update({kept})"]

    def _backward(self) -> str:
        coder = Coder(losses=self.losses)
        outputs: list[tuple[str, Expr]] = []
        needed_later = used(self.sections)
        for s in self.sections:
            if s.given is not None:
                own = s.given.op == "named" and s.given is not s.result
                if own and s.given in needed_later:
                    outputs.append((python_name(str(s.given.data)), s.result))
                continue
            outputs.append((self.gradient_names[str(s.target.data)], s.result))
        needed = names_used([x for _, x in outputs], self.named)
        self._core = plan(outputs, coder, self.taken)
        lines = self._body(self._core)
        self._recomputed = plan(self._closure(needed), Coder(), self.taken)
        self.helpers.update(coder.helpers)
        names = [*self.arrays, *self.given]
        result = self._gradients()
        self._uses_dtype = any("dtype=dtype" in x or "dtype.type(" in x for x in [*lines, *result])
        source = [
            self._signature("backward", names),
            f'    """Return the gradients by {", ".join(self.derivation)}, each in the shape of its'
            " variable.",
            "",
            *self._parameters(names),
            "    ``cache``, filled by ``forward``, saves computing the intermediates again.",
            '    """',
            *self._shape_notes(),
            *self._fetch(needed),
            *self._opening(names, coder),
            *lines,
            f"    return {{{', '.join(result)}}}",
        ]
        return "\n".join(source) + "\n"

    def _gradients(self) -> list[str]:
        """Return the items of what backward returns; a number gets the common dtype."""
        constant = [s for s in self.sections if s.result.is_scalar and is_number(s.result)]
        numbers = {str(s.target.data) for s in constant}
        items = []
        for n in self.derivation:
            value = self.gradient_names[n]
            if n in numbers:
                value = f"dtype.type({value})"
            if self._is_thin(n):
                value = f"np.reshape({value}, {python_name(n)}_shape)"
            items.append(f'"{n}": {value}')
        return items

    def _closure(self, needed: Sequence[Expr]) -> list[tuple[str, Expr]]:
        """Return the intermediates that are needed, with those that they need, in order."""
        wanted: set[Expr] = set()
        stack = list(needed)
        while stack:
            e = stack.pop()
            if e not in wanted:
                wanted.add(e)
                stack += names_used([e.args[0]], self.named)
        return [(python_name(str(e.data)), e.args[0]) for e in self.named if e in wanted]

    def _excerpt(self) -> str:
        """Return the backward pass without its checks: the lines that a reader compares."""
        names = [*self.arrays, *self.given]
        shapes = ", ".join(f"{python_name(n)}: {_tuple(self._array_dims(n))}" for n in names)
        returned = ", ".join(self.gradient_names.values())
        return "\n".join(
            [
                f"def backward({', '.join(python_name(n) for n in names)}):",
                f'    """{shapes}"""',
                *self._body([*self._recomputed, *self._core]),
                f"    return {returned}",
            ]
        )

    def _shape_notes(self) -> list[str]:
        return [
            f"    {python_name(n)}_shape = np.shape({python_name(n)})"
            for n in self.derivation
            if self._is_thin(n)
        ]

    def _is_thin(self, name: str) -> bool:
        """Whether a variable is declared with more axes than its array has inside the code."""
        v = self.problem.variables.get(name)
        return v is not None and len(self._array_dims(name)) != len(array_shape(v.shape))

    def _fetch(self, needed: Sequence[Expr]) -> list[str]:
        if not needed:
            return []
        names = [python_name(str(e.data)) for e in needed]
        arguments = [python_name(n) for n in self.arrays]
        arguments += [f"{k}={k}" for k in (*self.passed, *self.functions, *self.hidden)]
        fetched = ", ".join(f'cache["{n}"]' for n in names)
        return [
            "    if cache is None:",
            "        cache = {}",
            f"        forward({', '.join([*arguments, 'cache=cache'])})",
            f"    {', '.join(names)} = {fetched}",
        ]

    def _parameters(self, names: Sequence[str]) -> list[str]:
        found = []
        for n in names:
            if n in self.problem.upstream:
                about = "gradient of the loss at the output"
            else:
                about = self.problem.variables[n].meaning
            shape = _tuple(self._array_dims(n))
            found.append(f"    {python_name(n)}: {shape}{f', {about}' if about else ''}")
        return found


def _tuple(dims: Sequence[str]) -> str:
    return f"({', '.join(dims)}{',' * (len(dims) == 1)})"


def _described(shape: Shape) -> str:
    dims = array_shape(shape)
    return f"shape {shape_text(dims)}" if dims and shape != (ONE, ONE) else "a scalar"


def _spaced(source: str) -> str:
    """Return source with two blank lines before each function, as PEP 8 has it."""
    lines: list[str] = []
    for line in source.split("\n"):
        if line.startswith("def "):
            while lines and not lines[-1].strip():
                lines.pop()
            lines += ["", ""]
        lines.append(line)
    return "\n".join(lines).rstrip() + "\n"
