"""A derivation as a NumPy module, and its callables ``forward`` and ``backward``.

Jacobians and Hessians are further functions of the module of what they differentiate.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.expr import BINDERS, Expr, sum_index, walk, walk_all
from ..core.shapes import Shape
from ..derivation.derivations import DerivedGradients
from ..derivation.jacobians import DerivativeMatrix
from ..derivation.names_met import (
    all_named,
    functions,
    in_written_order,
    is_analytic,
    loss_names,
    names_used,
)
from ..derivation.structured import words
from ..problems.numpy_axes import array_shape, given_axes, keeps_axis
from ..values.sampling import least_sizes
from .assignments import Assignment, plan, shape_text
from .computed import Computed
from .guard import run
from .helpers import READ, SOURCES, imports, with_needs
from .keeping import kept_values
from .literals import docstring, quoted
from .matrix_functions import MatrixFunction, both_axes, matrix_functions
from .numpy_code import Coder, is_number, is_trivial, python_name
from .regular import holds_norm
from .source_layout import (
    assignments,
    described,
    listed,
    paragraph,
    returning,
    sentence,
    spaced,
    tuple_text,
    with_axis,
)
from .translation import ArrayLibrary

_OF_SHAPES = ", each in the shape of its variable."


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
    functions: tuple[tuple[str, int], ...]  # callables f, fp, fpp, each with its order: 0, 1, 2
    sizes: tuple[str, ...]  # sizes that no array shows, passed as keywords
    losses: tuple[str, ...]  # losses passed as callables, where the objective is more than L(Z)
    analytic: bool
    shapes: tuple[tuple[str, tuple[str, ...]], ...]  # of every array, by its name in the code
    matrices: tuple[MatrixFunction, ...] = ()  # of Jacobians and Hessians


def module_of(
    derivation: DerivedGradients,
    name: str | None = None,
    matrices: Sequence[DerivativeMatrix] = (),
) -> Module:
    """Return the NumPy module of a derivation, with Hessians of it or the Jacobian that it poses.

    Every matrix gets a function of its own, and one for its product with a direction; that of a
    Jacobian, transposed, is ``backward``.
    """
    name = name or derivation.problem.name.replace("-", "_")
    return Builder(derivation, name, matrices).module()


class Builder:
    """Writes the parts of a module; of another ``target`` than NumPy, in its words."""

    target: ArrayLibrary | None = None

    def __init__(
        self, derivation: DerivedGradients, name: str, matrices: Sequence[DerivativeMatrix] = ()
    ) -> None:
        self.derivation, self.problem, self.name = derivation, derivation.problem, name
        self.sections = derivation.sections
        self.matrices = matrix_functions(matrices, self.problem)
        named = all_named(derivation, [x for m in self.matrices for x in m.expressions])
        self.named = in_written_order(named, list(self.problem.definitions))
        self.arrays = list(self.problem.variables)
        self.given = list(self.problem.upstream)
        # What the transpose of a Jacobian is multiplied by takes the place of a given gradient.
        self.factors = {m.direction: m.name for m in self.matrices if m.product == "backward"}
        self.directions = {m.direction: m.by for m in self.matrices if m.product_expr is not None}
        self.helpers: dict[str, None] = {}
        self.computed = Computed()
        shown = {str(d) for v in self.problem.variables.values() for d in array_shape(v.shape)}
        self.hidden = [d for d in self.problem.dims if d not in shown]
        # A slice of NumPy's ends where its array does: what is too large has to be refused.
        self.differences = [
            d
            for d in least_sizes([self.problem.objective]).differences
            if set(d.names) & set(self.hidden) or d.at(dict.fromkeys(d.names, 1)) < 0
        ]
        self.orders = {python_name(n): k for n, k in functions(self._everything()).items()}
        only = sum(e.is_loss for e in walk(self.problem.objective)) == 1
        self.is_pure = self.problem.objective.is_loss and only
        losses = loss_names(self.problem.objective, self.derivation.staged_objective)
        self.taken = self._names_in_use()
        fresh = {n: self._fresh(n) for n in dict.fromkeys(losses.values())}
        self.losses = {x: fresh[n] for x, n in losses.items()}
        # Where the objective is more than L(Z), its losses are passed as callables.
        self.passed = () if self.is_pure else tuple(dict.fromkeys(self.losses.values()))
        letter = "H" if any(m.of for m in self.matrices) else "J"
        self.result_names = [self._fresh(x) for x in (letter, "Hv")] if self.matrices else []
        self.gradient_names = {n: self._fresh(f"d{n}") for n in derivation}
        self.shape_names = {n: self._fresh(f"{n}_shape") for n in derivation if self._is_thin(n)}

    def _names_in_use(self) -> set[str]:
        names = [*self.arrays, *self.given, *(str(e.data) for e in self.named)]
        names += [str(s.given.data) for s in self.sections if s.given is not None and s.given.data]
        loops = [sum_index(e)[0] for e in self._everything() if e.op in BINDERS]
        plain = [*self.problem.dims, *self.orders, *self.directions]
        return {*map(python_name, [*names, *loops]), *plain}

    def _fresh(self, base: str) -> str:
        """Return a local name that nothing else in the module has."""
        name = python_name(base)
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def _everything(self) -> list[Expr]:
        results = [s.result for s in self.sections]
        matrices = [x for m in self.matrices for x in m.expressions]
        return list(walk_all([self.problem.objective, *results, *matrices]))

    def module(self) -> Module:
        backward = self._backward()
        forward, outputs = self._forward()
        gradients = list(self.gradient_names.values())
        names = [*self.arrays, *self.given]
        excerpts = [self._excerpt("backward", names, self._excerpt_lines, gradients)]
        functions = [forward, backward]
        for m in self.matrices:
            for source, excerpt in self._matrix(m):
                functions.append(source)
                excerpts.append(excerpt)
        body = [SOURCES[h] for h in with_needs(self.helpers)]
        body += [x for f in functions for x in ("", f)]
        needed = "\n".join(["import numpy as np", *imports("\n".join(body))])
        parts = [self._docstring(), "", needed, "", self._shapes(), READ, *body]
        source = "\n".join(p.strip("\n") if p else "" for p in parts) + "\n"
        return Module(
            name=self.name,
            source=spaced(source),
            excerpt="\n\n".join(excerpts),
            forward=tuple(self.arrays),
            backward=(*self.arrays, *self.given),
            outputs=outputs,
            gradients=tuple(self.derivation),
            functions=tuple(self.orders.items()),
            sizes=tuple(self.hidden),
            losses=self.passed,
            analytic=all(map(is_analytic, self._everything())),
            shapes=tuple(
                (python_name(n), tuple(self._array_dims(n))) for n in [*self.arrays, *self.given]
            ),
            matrices=self.matrices,
        )

    def _docstring(self) -> str:
        text = "; ".join(line.strip() for line in self.problem.text.splitlines() if line.strip())
        title = f"{self.problem.title}: forward and backward pass."
        if any(not m.of for m in self.matrices):
            title = f"{text}: forward pass, its Jacobian, and the transpose times a vector."
        elif self.matrices:
            title = f"{self.problem.title}: forward and backward pass, second derivatives."
        lines = docstring([title, "", "Generated by symderiv from", "", f"    {text}"])
        return "\n".join(lines) + "\n"

    def _shapes(self) -> str:
        rows = []
        for name in [*self.arrays, *self.given, *self.directions]:
            dims = tuple_text([quoted(d) for d in self._array_dims(name)])
            rows.append(f"    {quoted(python_name(name))}: {dims},")
        return "SHAPES = {\n" + "\n".join(rows) + "\n}\n"

    def _array_dims(self, name: str) -> list[str]:
        if name in self.problem.upstream:
            return [str(d) for d in given_axes(self.problem, name)]
        return [str(d) for d in self.problem.variables[self.directions.get(name, name)].written]

    # functions

    def _function(
        self,
        function: str,
        names: Sequence[str],
        about: Sequence[str],
        lines: Sequence[str],
        result: Sequence[str],
        coder: Coder,
        *,
        first: Sequence[str] = (),
        cached: Sequence[str] = ("cache=None",),
    ) -> str:
        """Return a function: its signature, what it says of itself, its checks and its lines."""
        keywords = [*self.passed, *self.orders, *self.hidden, *cached]
        plain = [*map(python_name, names), *(["*"] if keywords else []), *keywords]
        wants_dtype = any("dtype" in x for x in (*lines, *result))
        source = [
            *listed(f"def {function}(", plain, "):", 0),
            *docstring(about),
            *self._body([*first, *self._opening(names, coder, wants_dtype), *lines, *result]),
        ]
        return "\n".join(source) + "\n"

    def _assigned(self, lines: Sequence[Assignment], indent: int = 4) -> list[str]:
        """Return assignments as source, in the words of the target."""
        return assignments(self.target.assignments(lines) if self.target else lines, indent)

    def _body(self, lines: list[str]) -> list[str]:
        return self.target.body(lines) if self.target else lines

    def _opening(self, names: Sequence[str], coder: Coder, wants_dtype: bool) -> list[str]:
        plain = [python_name(n) for n in names]
        for dim in self.differences:
            coder.size(dim)
        sizes = "sizes" if set(coder.sizes) - set(self.hidden) else "_"
        dtype = "dtype" if wants_dtype else "_"
        comma = "," if len(plain) == 1 else ""
        inside = [*plain[:-1], plain[-1] + comma]
        taken = [f"{n}={n}" for n in plain]
        *above, last = listed("(", inside, f"), {sizes}, {dtype} = _read(")
        lines = [*above, *listed(last.strip(), taken, ")")]
        wanted = [d for d in coder.sizes if d not in self.hidden]
        if wanted:
            values = ", ".join(f"sizes[{quoted(d)}]" for d in wanted)
            lines.append(f"    {', '.join(wanted)} = {values}")
        for text in (str(d)[1:-1] for d in self.differences):
            lines.append(f"    if {text} < 0:")
            lines.append(f'        raise ValueError(f"{text} is {{{text}}}: no size")')
        for name in names:
            if self._is_thin(name):
                axes = array_shape(self._shape(name))
                flat = ".ravel()" if axes else ".reshape(())"
                lines.append(f"    {python_name(name)} = {python_name(name)}{flat}")
        return lines

    def _stage_lines(self, coder: Coder, named: Sequence[Expr]) -> list[tuple[str, Expr]]:
        return [(coder.name(e), self.computed.value(e.args[0])) for e in named]

    def _forward(self) -> tuple[str, tuple[str, ...]]:
        coder = Coder(losses=self.losses)
        computed = self.computed
        pure = computed.value(self.problem.objective.args[0]) if self.is_pure else None
        goal = pure if pure is not None else computed.objective(self.derivation)
        stages = self._closure([goal])
        outputs = self._stage_lines(coder, stages)
        known = {x: n for n, x in outputs}
        returned: list[tuple[str, Shape]] = []
        if self.is_pure:
            self._return(goal, coder, outputs, known, returned)
        else:
            name = self._fresh("value")
            outputs.append((name, goal))
            returned.append((name, goal.shape))
        lines = self._assigned(plan(outputs, coder, self.taken))
        kept = self._keep(coder, stages)
        self.helpers.update(coder.helpers)
        axis, shapes = self._described(goal, returned)
        names = ", ".join(n for n, _ in returned)
        whole = f"{names}{axis}"
        if goal.is_scalar and is_number(goal):
            whole = f"dtype.type({whole})"
        about = [f"    Return {names} ({shapes}).", "", *self._forward_notes()]
        result = [*kept, f"    return {whole}"]
        source = self._function("forward", self.arrays, about, lines, result, coder)
        return source, tuple(n for n, _ in returned)

    def _described(self, goal: Expr, returned: Sequence[tuple[str, Shape]]) -> tuple[str, str]:
        """Return the axis that is put back to what is returned, and the shapes in words."""
        if self.is_pure and keeps_axis(goal, self.problem.variables):
            axis = "[:, None]" if str(goal.shape[1]) == "1" else "[None, :]"
            return axis, f"{returned[0][0]}: shape {tuple_text([str(d) for d in goal.shape])}"
        return "", "; ".join(f"{n}: {described(shape)}" for n, shape in returned)

    def _forward_notes(self) -> list[str]:
        losses = [f"    {name}: the unspecified loss, a callable" for name in self.passed]
        kept = self._cache_notes("A dict passed as ``cache`` receives what ``backward`` reads: ")
        return [*self._parameters(self.arrays), *losses, *kept]

    def _return(
        self,
        x: Expr,
        coder: Coder,
        outputs: list[tuple[str, Expr]],
        known: dict[Expr, str],
        returned: list[tuple[str, Shape]],
    ) -> None:
        if x.is_symbol:
            returned.append((coder.name(x), x.shape))
            return
        if x not in known:
            name = self._fresh("out")
            outputs.append((name, x))
            known[x] = name
        returned.append((known[x], x.shape))

    def _cache_notes(self, head: str) -> list[str]:
        if not self.kept:
            return ["    ``cache`` changes nothing: ``backward`` needs no value of ``forward``."]
        entries = [f"{k.name} {shape_text(array_shape(k.expr.shape))}" for k in self.kept]
        return sentence(head, entries, ".")

    def _keep(self, coder: Coder, known: Sequence[Expr]) -> list[str]:
        """Return the lines that keep values, with those of the names that are not known yet."""
        if not self.kept:
            return []
        later = [e for e in self._closure([k.expr for k in self.kept]) if e not in known]
        smaller = [(k.name, k.expr) for k in self.kept if not k.expr.is_name]
        outputs = [*self._stage_lines(coder, later), *smaller]
        lines = self._assigned(plan(outputs, coder, self.taken), 8)
        names = [f"{k.name}={k.name}" for k in self.kept]
        return ["    if cache is not None:", *lines, *listed("cache.update(", names, ")", indent=8)]

    def _results(self) -> list[tuple[str, Expr]]:
        """Return the gradients of named intermediates that later ones need, then the others."""
        outputs: list[tuple[str, Expr]] = []
        for s, result in self.computed.results(self.derivation):
            given = str(s.given.data) if s.given is not None else None
            name = python_name(given) if given else self.gradient_names[str(s.target.data)]
            outputs.append((name, result))
        return outputs

    def _backward(self) -> str:
        outputs = self._results()
        results = self.results = [x for _, x in outputs]
        self.kept = kept_values(results, self.named, self.given, self._fresh)
        smaller = {k.expr: k.name for k in self.kept if not k.expr.is_name}
        coder = Coder(smaller, losses=self.losses)
        # A name for a variable or a constant is written again: there is nothing to keep.
        aliases = [e for e in names_used(results, self.named) if is_trivial(e.args[0])]
        core = plan(outputs, coder, self.taken)
        renamed = plan(self._stage_lines(coder, aliases), coder, self.taken)
        lines = self._assigned([*renamed, *core])
        self._excerpt_lines = [*self._recomputed(aliases), *core]
        self.helpers.update(coder.helpers)
        names = [*self.arrays, *self.given]
        about = [
            *self._returned_gradients(),
            "",
            *self._parameters(names),
            *self._conventions(),
            *self._cache_notes("``cache``, filled by ``forward``, saves its work; it holds "),
        ]
        first = [*self._shape_notes(), *self._fetch(), *self._with_axes(names)]
        result = listed("return {", self._gradients(), "}")
        return self._function("backward", names, about, lines, result, coder, first=first)

    def _returned_gradients(self) -> list[str]:
        """Return the first sentence about the backward pass."""
        for m in self.matrices:
            if m.product == "backward":
                product = f"the transpose of ``{m.name}`` times {python_name(m.direction)}"
                return [f"    Return {product}, by its name, in the shape of {python_name(m.by)}."]
        return sentence("Return the gradients by ", [*self.derivation], _OF_SHAPES, room=3)

    def _with_axes(self, names: Sequence[str]) -> list[str]:
        """Return the lines that give columns and rows their second axis where they lack it."""
        thin = (n for n in names if n in self.given and self._is_thin(n))
        return [with_axis(python_name(n), self._array_dims(n)) for n in thin]

    def _matrix(self, m: MatrixFunction) -> Iterator[tuple[str, str]]:
        """Yield the functions of a Jacobian or a Hessian, each as source and as an excerpt."""
        names = [*self.arrays, *(g for g in self.given if g not in self.factors)]
        matrix, product = self.result_names
        result = f"dtype.type({matrix})" if m.expr.is_scalar and is_number(m.expr) else matrix
        if self.problem.variables[m.by].written:
            result = both_axes(result, m.expr)
        yield self._of_values(m.name, names, (matrix, m.expr), m.about, result)
        if m.product_expr is None:
            return
        about = f"{m.name}(..) times {m.direction}, in the shape of {m.of}"
        first: list[str] = []
        result = product
        if self._is_thin(m.of):
            shape = self.shape_names[m.of]
            first = [f"    {shape} = np.shape({python_name(m.of)})"]
            result = f"np.reshape({product}, {shape})"
        names = [*names, m.direction]
        yield self._of_values(m.product, names, (product, m.product_expr), about, result, first)

    def _of_values(
        self,
        function: str,
        names: Sequence[str],
        output: tuple[str, Expr],
        about: str,
        result: str,
        first: Sequence[str] = (),
    ) -> tuple[str, str]:
        """Return a function of all arrays whose value is an expression, and an excerpt of it."""
        coder = Coder(losses=self.losses)
        name, value = output[0], self.computed.gradient(output[1])
        stages = self._stage_lines(coder, self._closure([value]))
        lines = plan([*stages, (name, value)], coder, self.taken)
        self.helpers.update(coder.helpers)
        source = self._function(
            function,
            names,
            [*paragraph(f"Return {about}.", room=3), "", *self._parameters(names)],
            self._assigned(lines),
            [f"    return {result}"],
            coder,
            first=[*first, *self._with_axes(names)],
            cached=(),
        )
        return source, self._excerpt(function, names, lines, [name])

    def _conventions(self) -> list[str]:
        """Return what is taken for a gradient that is none, or that is by a structured variable."""
        variables = self.problem.variables
        said = ["    Where a norm is 0 it has no gradient, and 0 is taken for it."]
        return (said if any(map(holds_norm, self.results)) else []) + [
            f"    The gradient with respect to {python_name(n)} {words(variables[n], convention)}."
            for n, (_, convention) in self.derivation.conventions.items()
        ]

    def _recomputed(self, aliases: Sequence[Expr]) -> list[Assignment]:
        """Return the lines of forward that backward rests on."""
        coder = Coder()
        stages = self._closure([*(k.expr for k in self.kept), *aliases])
        smaller = [(k.name, k.expr) for k in self.kept if not k.expr.is_name]
        return plan([*self._stage_lines(coder, stages), *smaller], coder, self.taken)

    def _gradients(self) -> list[str]:
        """Return the items of what backward returns; a number gets the common dtype."""
        outputs = self._results()
        numbers = {name for name, x in outputs if x.is_scalar and is_number(x)}
        items = []
        for n in self.derivation:
            value = self.gradient_names[n]
            if value in numbers:
                value = f"dtype.type({value})"
            if self._is_thin(n):
                value = f"np.reshape({value}, {self.shape_names[n]})"
            items.append(f"{quoted(n)}: {value}")
        return items

    def _closure(self, results: Sequence[Expr]) -> list[Expr]:
        """Return the intermediates that results need, with those that they need, in order."""
        wanted: set[Expr] = set()
        stack = names_used(results, self.named)
        while stack:
            e = stack.pop()
            if e not in wanted:
                wanted.add(e)
                stack += names_used([self.computed.value(e.args[0])], self.named)
        return [e for e in self.named if e in wanted]

    def _excerpt(
        self, function: str, names: Sequence[str], lines: Sequence[Assignment], out: Sequence[str]
    ) -> str:
        """Return a function without its checks: the lines that a reader compares."""
        shapes = [f"{python_name(n)}: {tuple_text(self._array_dims(n))}" for n in names]
        return "\n".join(
            [
                *listed(f"def {function}(", [python_name(n) for n in names], "):", 0),
                *sentence("", [f'"""{shapes[0]}', *shapes[1:]], '"""'),
                *self._assigned(lines),
                *returning(out),
            ]
        )

    def _shape_notes(self) -> list[str]:
        return [f"    {name} = np.shape({python_name(n)})" for n, name in self.shape_names.items()]

    def _is_thin(self, name: str) -> bool:
        """Whether a variable is declared with more axes than its array has inside the code."""
        if name not in (*self.arrays, *self.given, *self.directions):
            return False
        return len(self._array_dims(name)) != len(array_shape(self._shape(name)))

    def _shape(self, name: str) -> Shape:
        """Return the shape of a variable, of a given gradient or of a direction."""
        return self.problem.known()[self.directions.get(name, name)].shape

    def _fetch(self) -> list[str]:
        if not self.kept:
            return []
        arguments = [python_name(n) for n in self.arrays]
        arguments += [f"{k}={k}" for k in (*self.passed, *self.orders, *self.hidden)]
        return [
            "    if cache is None:",
            "        cache = {}",
            *listed("forward(", [*arguments, "cache=cache"], ")", indent=8),
            *(f"    {k.name} = cache[{quoted(k.name)}]" for k in self.kept),
        ]

    def _parameters(self, names: Sequence[str]) -> list[str]:
        found = []
        for n in names:
            if n in self.directions:
                about = f"a direction, in the shape of {python_name(self.directions[n])}"
            elif n in self.factors:
                about = f"what the transpose of {self.factors[n]} is multiplied by"
            elif n in self.problem.upstream:
                about = "gradient of the loss at the output"
            else:
                about = self.problem.variables[n].meaning
            shape = tuple_text(self._array_dims(n))
            found.append(f"    {python_name(n)}: {shape}{f', {about}' if about else ''}")
        return found


@dataclass(frozen=True)
class Compiled:
    """The callables of a generated module.

    ``forward(X, W, b)`` returns the argument of the unspecified loss, or the objective;
    ``backward(X, W, b, G)`` returns the gradients by name. Both take ``cache=``. Of a Jacobian
    or of Hessians there are ``jacobian``, ``hessian``, ``hessian_product`` too, if asked for.
    """

    module: Module
    forward: Callable[..., Any]
    backward: Callable[..., Mapping[str, Any]]
    others: Mapping[str, Callable[..., Any]] = field(default_factory=dict, repr=False)

    def __reduce__(self) -> tuple[Callable[..., Compiled], tuple[Module]]:
        return compile_module, (self.module,)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        others: Mapping[str, Callable[..., Any]] = self.__dict__.get("others", {})
        if name in others:
            return others[name]
        known = ", ".join(["forward", "backward", *others])
        raise AttributeError(f"the module has no {name}: it has {known}")

    @property
    def source(self) -> str:
        """Return the NumPy source."""
        return self.module.source


def compile_module(module: Module) -> Compiled:
    """Return the callables of a generated module."""
    file = f"<symderiv {module.name}>"
    namespace = run(module.source, {"__name__": module.name}, file)
    # With its lines in the cache, a traceback shows the generated code.
    linecache.cache[file] = (len(module.source), None, module.source.splitlines(True), file)
    names = [n for m in module.matrices for n in (m.name, m.product) if n not in ("", "backward")]
    others = {n: namespace[n] for n in names}
    return Compiled(module, namespace["forward"], namespace["backward"], others)
