"""Problems: a text with its declarations, read once into definitions and an objective.

Contract: a ``Problem`` is frozen data, complete in itself: every name has a shape, every
expression is resolved. Reading twice gives the same problem. Knows no calculus.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from textwrap import shorten
from typing import Any

from ..core.errors import InputError, Span, UnknownNameError
from ..core.expr import Expr, Variable, dims_of, named, var, walk
from ..core.expr import variables as variables_of
from ..core.plaintext import Readable, on_one_line, shortened, styled
from ..core.shapes import ONE, SCALAR, Dim, Shape, Unifier
from ..ops.text import text as spelled
from .declarations import Declarations, declared_by, used_names
from .elaborate import Elaborator
from .from_sympy import WrittenText, from_sympy, is_sympy
from .grammar import parse_expression, prepared
from .scope import settle
from .sentences import check_name, names_of, problem_name, sentence, sentences
from .statements import given_gradients, losses_of, stated
from .syntaxes import PYTHON, Syntax, problem_syntax

_UNNAMED = "derivation"
_LONG_TITLE = 2_000  # characters of a text that is its own title


@dataclass(frozen=True, slots=True)
class ClaimText:
    """A claim as it was written: what it is about, and what it says (several for "equal").

    >>> from symderiv.claims import Checker
    >>> Checker(problem("x.T @ x", x="n")).check(ClaimText("dL/dx", ("x",))).diagnosis
    'A factor 2 is missing.'
    """

    about: str
    says: tuple[str, ...]
    question: str = ""
    syntax: str = "python"
    converted: bool = False  # whether it was written otherwise, so that an answer shows it


@dataclass(frozen=True, slots=True, repr=False)
class Problem(Readable):
    """A function to differentiate: variables, named definitions, and an objective.

    >>> p = problem("Z = X @ W; L(Z)", X="n, d", W="d, m")
    >>> list(p.variables), p.definitions, p.upstream
    (['X', 'W'], {'Z': matmul(var('X'), var('W'))}, {'G': named('Z')})
    """

    text: str
    title: str
    name: str
    variables: Mapping[str, Variable]
    definitions: Mapping[str, Expr]
    objective: Expr
    wrt: tuple[str, ...]
    upstream: Mapping[str, Expr]  # the given gradients, G; each with the argument of its loss
    dims: tuple[str, ...]
    claims: tuple[ClaimText, ...] = ()
    meanings: Mapping[str, str] = field(default_factory=dict)  # of definitions and gradients
    question: str = ""
    source: str = ""  # where the problem and its gradients are published
    order: int = 1  # 2 where Hessians are wanted
    stack: Mapping[str, Any] = field(default_factory=dict)  # what is fed, where it is stacked
    declared: Declarations = field(default_factory=Declarations)
    place: Span | None = field(default=None, compare=False)  # of the objective in the text
    symbols: Mapping[str, Any] = field(default_factory=dict)  # SymPy's, where it was written there
    # Of a traced function: arrays that it brings along, by name, and which arguments are labels.
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)
    labels: tuple[str, ...] = ()
    function: Any = field(default=None, compare=False, repr=False)  # that was traced

    def __hash__(self) -> int:
        return hash((self.text, self.name, self.wrt))

    label: str = ""  # the name that the writer gave the objective by defining it

    def told(self) -> list[str]:
        """Return the problem as it is stated: its text, and what its names are."""
        declared = [(f"{v.name}: {v.declared}", v.meaning) for v in self.variables.values()]
        width = max((len(d) for d, _ in declared), default=0)
        return [
            styled(on_one_line(self.title), "bold"),
            *(f"  {line}" for line in self.text.split("\n")),
            *(f"  {d.ljust(width)}  {on_one_line(about)}".rstrip() for d, about in declared),
        ]

    @property
    def objective_name(self) -> str:
        """Return how the objective is called: as it was defined, L, or J where L is in use."""
        if self.objective.is_loss:
            assert isinstance(self.objective.data, tuple)
            return str(self.objective.data[0])
        if self.label:
            return self.label
        parts = {str(e.data[0]) for e in losses_of(self.objective) if isinstance(e.data, tuple)}
        taken = {*self.variables, *self.definitions, *self.upstream, *parts}
        return next(n for n in ("L", "J", "F", "Loss", "Objective") if n not in taken)

    @property
    def taken(self) -> list[str]:
        """Return the names that indices and automatic names must not use."""
        return [*self.variables, *self.dims, *self.definitions, *self.upstream]

    @property
    def has_tensors(self) -> bool:
        """Whether anything in the problem has more than two axes."""
        shapes = [v.shape for v in self.variables.values()]
        return any(len(s) > 2 for s in (*shapes, *(e.shape for e in walk(self.objective))))

    @property
    def labelled(self) -> Expr | None:
        """Return the objective under the name that the writer gave it, if they did."""
        return named(self.label, self.objective) if self.label else None

    def given(self, name: str) -> Expr:
        """Return the given gradient ``name`` (G) as a variable."""
        return var(name, self.upstream[name].shape)

    def known(self) -> dict[str, Expr]:
        """Return everything a claim may name: variables, given gradients, definitions."""
        names = {v.name: v.expr for v in self.variables.values()}
        names.update((g, self.given(g)) for g in self.upstream)
        names.update((n, named(n, x)) for n, x in self._values().items())
        return names

    def _values(self) -> dict[str, Expr]:
        """Return what every name stands for that the writer defined, the objective's too."""
        values = dict(self.definitions)
        if self.label:
            values[self.label] = self.objective
        return values

    def reader(
        self,
        text: str,
        *,
        collect: bool = False,
        assumed: Sequence[tuple[Dim, Dim]] = (),
        syntax: Syntax = PYTHON,
    ) -> Elaborator:
        """Return a reader for a further text about this problem, such as a claim.

        With ``collect``, sizes that clash are taken as equal; those of ``assumed`` are from the
        start, so that everything that is read has the shape it then has.
        """
        unifier = Unifier(collect=collect)
        for left, right in assumed:
            unifier.unify(left, right)
        known = {**self.variables, **{g: self._gradient(g) for g in self.upstream}}
        declared = Declarations(
            {n: replace(v, shape=unifier.resolve_shape(v.shape)) for n, v in known.items()},
            dict(self.declared.losses),
            dict(self.declared.entrywise),
            dict.fromkeys(self.dims),
        )
        reader = syntax.reader(text, declared, self._values(), unifier=unifier)
        reader.closed = True
        if assumed:
            reader.definitions.update({n: settle(reader, x) for n, x in self._values().items()})
        for e in losses_of(self.objective):
            assert isinstance(e.data, tuple)
            reader.gradients[e.data[0], e.args[0]] = e.data[1]
        return reader

    def _gradient(self, name: str) -> Variable:
        shape = self.upstream[name].shape
        return Variable(name, shape, kind_of(shape))

    def read(self, text: str) -> Expr:
        """Return a further text about this problem as an expression without free indices."""
        text = prepared(text)
        reader = self.reader(text)
        return settle(reader, reader.read(parse_expression(text)))


def kind_of(shape: Shape) -> str:
    """Return whether a shape is that of a scalar, a vector, a matrix or a tensor."""
    if len(shape) > 2:
        return "tensor"
    return "scalar" if shape == SCALAR else "vector" if shape[1] == ONE else "matrix"


def problem(
    text: Any,
    /,
    *,
    wrt: Sequence[str] | str | None = None,
    title: str = "",
    name: str = "",
    upstream: str | None = None,
    claims: Sequence[ClaimText] = (),
    meanings: Mapping[str, str] | None = None,
    syntax: str = "python",
    variables: Mapping[str, str] | None = None,
    **declarations: str,
) -> Problem:
    """Return the problem that a text states; keyword arguments declare its variables.

    ``variables`` is a table of declarations, for names that are options here: ``name``, ``title``.

    The last expression is the objective; the statements before it name intermediates. A gradient
    needs a scalar objective, a Jacobian takes any. Undeclared names follow the rule of the
    language and their shapes are inferred. An expression of SymPy stands for its text, and
    declares its symbols. Raises LanguageError, with the place and a remedy.

    >>> p = problem("Z = X @ W + ones(n) @ b.T; L(Z)", X="n, d", W="d, m", b="m")
    >>> list(p.definitions), p.wrt
    (['Z'], ('X', 'W', 'b'))
    """
    written = as_written(text)
    options: dict[str, object] = {
        **{"wrt": wrt, "title": title, "name": name, "upstream": upstream, "claims": claims},
        **{"meanings": meanings, "syntax": syntax != PYTHON.name and syntax},
    }
    said = sentences(meanings or {}, "the meanings")
    given = declared_by(variables, declarations, options, used_names(written.text))
    declared = Declarations()
    for key, shape in {**written.variables, **given}.items():
        declared.declare(key, shape, said.get(key, ""))
    return build(
        written,
        declared,
        wrt=wrt,
        title=title,
        name=name,
        upstream=upstream,
        claims=claims,
        meanings=meanings,
        syntax=syntax,
    )


def as_written(text: Any) -> WrittenText:
    """Return a text, or an expression of SymPy, with what it declares; raises InputError."""
    if isinstance(text, str):
        return WrittenText(text, {}, {})
    if is_sympy(text):
        return from_sympy(text)
    raise InputError(
        f"{type(text).__name__} is no text of the language and no expression of SymPy",
        remedy='write a text: "x.T @ A @ x"',
    )


def build(
    source: WrittenText | str,
    declared: Declarations,
    *,
    wrt: Sequence[str] | str | None = None,
    title: str = "",
    name: str = "",
    upstream: str | None = None,
    claims: Sequence[ClaimText] = (),
    meanings: Mapping[str, str] | None = None,
    question: str = "",
    source_note: str = "",
    order: int = 1,
    stack: Mapping[str, Any] | None = None,
    syntax: str = "python",
) -> Problem:
    """Return the problem that a text states under declarations.

    ``Problem.text`` is in the expression language, whatever syntax the text was written in.
    """
    source = as_written(source) if isinstance(source, str) else source
    said = {
        "title": sentence(title, "the title"),
        "question": sentence(question, "the question"),
        "source": sentence(source_note, "the source"),
        "name": problem_name(name) if name != "" else _UNNAMED,
    }
    upstream = None if upstream is None else check_name(upstream, "the given gradient")
    written = PYTHON if source.symbols else problem_syntax(syntax)
    text = prepared(source.text)
    read = stated(text, declared, upstream, written)
    definitions, objective = read.definitions, read.objective
    if written is not PYTHON or source.symbols:
        lines = [*(f"{n} = {spelled(x)}" for n, x in definitions.items()), spelled(objective)]
        text = "\n".join(lines)
    return Problem(
        text=text,
        variables=dict(declared.variables),
        definitions=definitions,
        objective=objective,
        wrt=_chosen(wrt, declared, dict(variables_of(objective))),
        upstream=given_gradients(objective, declared, definitions),
        dims=tuple(_dims(declared, objective)),
        declared=declared,
        place=read.statements[-1].span,
        label=read.label,
        symbols=source.symbols,
        meanings=sentences(meanings or {}, "the meanings"),
        claims=_claims(claims),
        order=_order(order),
        stack=dict(stack or {}),
        title=said.pop("title") or default_title(text),
        **said,  # type: ignore[arg-type]
    )


def default_title(text: str) -> str:
    """Return the title of a problem that has none.

    >>> default_title("Z = X @ W; L(Z)")
    'Gradient of Z = X @ W; L(Z)'
    """
    return f"Gradient of {shorten(text, _LONG_TITLE, placeholder=' ..')}"


def _order(order: int) -> int:
    if isinstance(order, bool) or order not in (1, 2):
        raise InputError(f"the order is {shortened(order)}", remedy="there are 1 and 2")
    return order


def _claims(claims: Sequence[ClaimText]) -> tuple[ClaimText, ...]:
    if isinstance(claims, str) or not isinstance(claims, Sequence):
        raise InputError(f"the claims are {shortened(claims)}, not a list of them")
    for claim in claims:
        if not isinstance(claim, ClaimText):
            raise InputError(
                f"a claim is {shortened(claim)}, not a ClaimText",
                remedy='ClaimText("dL/dW", ("X.T @ G",))',
            )
        sentence(claim.question, "the question of a claim")
    return tuple(claims)


def _dims(declared: Declarations, objective: Expr) -> dict[str, None]:
    found: dict[str, None] = {}
    for v in declared.variables.values():
        for dim in v.shape:
            found.update(dict.fromkeys(dim.names))
    found.update(dims_of(objective))
    return found


def _chosen(
    wrt: Sequence[str] | str | None, declared: Declarations, used: Mapping[str, Expr]
) -> tuple[str, ...]:
    if wrt is None:
        return tuple(v for v in declared.variables if v in used)
    names = names_of(wrt, "wrt")
    for name in names:
        if name not in declared.variables:
            known = ", ".join(declared.variables)
            raise UnknownNameError(
                f"cannot differentiate with respect to {name!r}: "
                "it is not a variable of the problem",
                remedy=f"the variables are: {known}",
            )
    return names
