"""Documents: every problem in every format, complete, escaped, accessible, the same bytes."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sympy
from markdown_it import MarkdownIt

import symderiv as sd
from symderiv.claims.verdict import Counterexample, Verdict
from symderiv.core.errors import InputError, MissingRuleError
from symderiv.core.expr import node, var
from symderiv.core.shapes import ONE
from symderiv.derivation.derivations import DerivedGradients
from symderiv.documents.abridged import MOST_SIGNS, abridged
from symderiv.documents.arrange import build
from symderiv.documents.checks import shapes_of_terms
from symderiv.documents.escape import latex_text, markdown_code, markdown_text, typst_text
from symderiv.documents.examples import explicit_example
from symderiv.documents.manner import Manner
from symderiv.documents.model import (
    Block,
    Boxed,
    Code,
    DefinitionTable,
    DimensionTable,
    Display,
    Document,
    Heading,
    Kept,
    Line,
    NumberTable,
    Paragraph,
    ResultBox,
    StepTable,
    Strong,
    SymbolTable,
)
from symderiv.documents.questions import quoting
from symderiv.documents.render import latex, markdown, pdf, typeset, typst
from symderiv.documents.symbols_shown import Scribe
from symderiv.documents.sympy_notation import EntryWriter
from symderiv.documents.theme import COLOR_WORDS, COLORS, MUTED, PANEL, contrast
from symderiv.documents.widths import cut_sign, pieces, width
from symderiv.entries.entry_matrices import explicit_entries
from symderiv.evidence.certificate import Certificate
from symderiv.evidence.example import NumericExample
from symderiv.notation.math import EQUALS, Fence, Math, Op, Row, Sym, Tint, row
from symderiv.notation.unicode import unicode
from symderiv.problems import ClaimText, problem
from symderiv.results.derived import verify_folder
from symderiv.results.outputs import entries_example

NASTY = '100% & #1 $x_{y}$ <b>| \\end{document} `q` *a* [b](c) ~ ^ "é" 中'
LINEAR = "Z = X @ W + ones(n) @ b.T; L(Z)"
SIX: dict[str, tuple[str, dict[str, Any]]] = {
    "linear": (LINEAR, {"X": "n, d", "W": "d, m", "b": "m", "wrt": ["W", "b", "X"]}),
    "squares": (
        "0.5*norm(X @ W + ones(n) @ b.T - Y)**2",
        {"X": "n, d", "W": "d, m", "b": "m", "Y": "n, m", "wrt": ["W", "b", "X"]},
    ),
    "quadratic": ("x.T @ A @ x", {}),
    "trace": ("trace(A @ X @ B)", {"wrt": "X"}),
    "tanh": ("sum(tanh(X @ w))", {"X": "n, d", "w": "d"}),
    "network": (
        "H = relu(X @ W1 + ones(n) @ b1.T); Y = H @ W2; L(Y)",
        {"X": "n, d", "W1": "d, h", "b1": "h", "W2": "h, m"},
    ),
}
NAMES = {
    "Wq": "n, d",
    "W_1": "n, d",
    "x_hat": "d",
    "alpha": "scalar",
    "batch_size_x": "n",
    "lam": "scalar",
}


@cache
def derivation(name: str) -> DerivedGradients:
    if name == "nasty":
        text = "H = tanh(Wq @ x_hat + alpha * W_1 @ x_hat); norm(H - batch_size_x)**2 + lam*sum(Wq)"
        return DerivedGradients(
            problem(text, title=NASTY, wrt=["x_hat", "W_1", "alpha", "Wq"], **NAMES)
        )
    if name == "twelve":
        total = " + ".join(f"A{k} @ x{k}" for k in range(1, 7))
        shapes = {f"A{k}": f"m, n{k}" for k in range(1, 7)}
        shapes |= {f"x{k}": f"n{k}" for k in range(1, 7)}
        return DerivedGradients(problem(f"y = {total}; L(tanh(y) * ({total}))", **shapes))
    text, variables = SIX[name]
    return DerivedGradients(problem(text, **variables))


@cache
def document(name: str) -> Document:
    d = derivation(name)
    if name not in SIX:
        meanings = {"x_hat": NASTY, "Wq": "#eval(1) @cite <a> // c -- $y"}
        return build(d, meanings=meanings)
    entries = explicit_entries(d.problem, dict.fromkeys(d.problem.dims, 2))
    return build(d, explicit=explicit_example(entries, list(d.problem.upstream)))


ALL = [*SIX, "nasty", "twelve"]


def cells(*rows: list[int]) -> list[list[Fraction]]:
    return [[Fraction(x) for x in r] for r in rows]


@cache
def full() -> Document:
    """The linear layer with everything that a document can hold."""
    d = derivation("linear")
    p = d.problem
    found = Counterexample(
        sizes={"n": 2, "d": 1, "m": 1},
        values={"X": cells([1], [2]), "G": cells([5], [6])},
        indices={},
        claimed=p.read("G[1, :].T @ X[1, :]"),
        claimed_cells=cells([5]),
        right=p.read("G[2, :].T @ X[2, :]"),
        right_cells=cells([12]),
    )
    verdict = Verdict(
        claim=ClaimText("equal", ("G[1, :].T @ X[1, :]", "G[2, :].T @ X[2, :]"), "The same?"),
        verdict="wrong",
        diagnosis="The first depends on `G[1, :]` only.",
        slips=("missing-sum",),
        counterexample=found,
        corrects="dL/dW",
        correction_expr=d["W"].expr,
    )
    example = NumericExample(
        values={"X": cells([1, 2], [3, -1]), "G": cells([-1, 2], [-1, 1])},
        forward={"Z": cells([-1, 5], [4, -1])},
        results={"W": cells([-4, 5], [-1, 3])},
        quotients={"W": [[-4 + 1.1e-10, 5.0], [-1.0, 3.0]]},
    )
    certificate = Certificate({}, {}, steps={"equations": 532})
    entries = explicit_entries(p, {"n": 2, "d": 2, "m": 2})
    return build(
        d,
        verdicts=[verdict],
        certificate=certificate,
        code="def f(X):\n    return X.T  # (d, n)\n",
        explicit=explicit_example(entries, ["G"]),
        example=example,
    )


def walk(blocks: tuple[Block, ...]) -> Iterator[Block]:
    for b in blocks:
        yield b
        if isinstance(b, Kept):
            yield from walk(b.blocks)


def maths(value: object) -> Iterator[Math]:
    """Yield every formula of a document."""
    if isinstance(value, Math):
        yield value
    elif isinstance(value, tuple):
        for v in value:
            yield from maths(v)
    elif is_dataclass(value):
        for f in fields(value):
            yield from maths(getattr(value, f.name))


def titles(doc: Document) -> list[str]:
    return [
        "".join(p if isinstance(p, str) else unicode(p) for p in b.title)
        for b in walk(doc.blocks)
        if isinstance(b, Heading) and b.level == 1
    ]


# what a document holds


def test_the_answer_comes_first_and_sections_follow_in_order() -> None:
    doc = full()
    assert isinstance(doc.blocks[0], ResultBox)
    assert titles(doc) == [
        "Problem",
        "Derivation in index form",
        "Every entry, for n = d = m = 2",
        "The same?",
        "Dimension check",
        "Numeric example",
        "To remember",
        "Code",
    ]


def test_an_answer_is_its_first_word() -> None:
    answers = [b for b in walk(full().blocks) if isinstance(b, Paragraph)]
    assert any(b.text[0] == Strong("No.") for b in answers)


@pytest.mark.parametrize("name", ALL)
def test_every_gradient_is_in_the_box_and_boxed_at_its_end(name: str) -> None:
    doc, d = document(name), derivation(name)
    boxes = [b for b in doc.blocks if isinstance(b, ResultBox)]
    assert sum(len(b.rows) for b in boxes) == len(d)
    boxed = [b for b in walk(doc.blocks) if isinstance(b, Boxed)]
    assert len(boxed) == sum(bool(s.steps) for s in d.sections)


@pytest.mark.parametrize("name", ALL)
def test_lines_are_numbered_through_and_no_line_is_printed_twice(name: str) -> None:
    found: list[int] = []
    lines: list[tuple[Math | None, tuple[Math, ...]]] = []
    for b in walk(document(name).blocks):
        if isinstance(b, StepTable):
            found += [line.number for line in b.lines]
            lines += [(line.left, line.right) for line in b.lines if line.left is not None]
            assert b.lines[0].left is not None
        if isinstance(b, Boxed):
            found.append(b.number)
    assert found == list(range(1, len(found) + 1))
    assert len(set(lines)) == len(lines)


@pytest.mark.parametrize("name", ALL)
def test_every_dimension_agrees_and_a_slip_is_rejected(name: str) -> None:
    (table,) = (b for b in walk(document(name).blocks) if isinstance(b, DimensionTable))
    assert {r.verdict for r in table.rows} == {"agrees"}
    assert {r.verdict for r in table.slips} <= {"rejected"}


def test_the_common_slip_of_the_linear_layer_is_undefined() -> None:
    (table,) = (b for b in walk(document("linear").blocks) if isinstance(b, DimensionTable))
    (slip,) = table.slips
    assert unicode(slip.formula) == "G Xᵀ"
    assert slip.product[0] == "undefined unless "


def test_the_sum_over_rows_is_told_where_there_is_one() -> None:
    assert "∑ᵢ₌₁ⁿ xᵢ gᵢᵀ" in "".join(
        unicode(m) for m in maths(document("linear").blocks[0]) if unicode(m)[0] == "∑"
    )
    assert not [m for m in maths(document("trace").blocks[0]) if unicode(m).startswith("∑")]


@pytest.mark.parametrize("name", ALL)
def test_every_index_and_symbol_is_in_the_table(name: str) -> None:
    blocks = [*walk(document(name).blocks)]
    tables = [b for b in blocks if isinstance(b, DefinitionTable)]
    many = [r for b in blocks if isinstance(b, SymbolTable) for r in b.rows]
    symbols = {unicode(r.symbol) for r in (*many, *(r for t in tables for r in t.symbols))}
    d = derivation(name)
    wanted = [Sym(n) for n in (*d.problem.variables, *d.problem.definitions, *d.problem.upstream)]
    assert {unicode(s) for s in wanted} <= symbols
    indices = "".join(unicode(r.index) for t in tables for r in t.indices)
    said = [b.text for b in blocks if isinstance(b, Paragraph) and b.text[0] == "Indices: "]
    indices += "".join(unicode(p) for text in said for p in text if isinstance(p, Math))
    assert set("".join(i for s in d.sections if s.steps for i in s.entry)) <= set(indices)


def test_every_entry_is_printed_beside_an_equal_difference() -> None:
    (table,) = (b for b in walk(full().blocks) if isinstance(b, NumberTable))
    assert [unicode(r.entry) for r in table.rows] == ["W₁₁", "W₁₂", "W₂₁", "W₂₂"]
    assert all(unicode(r.value) == unicode(r.quotient) for r in table.rows)


def test_style_entries_has_no_steps_and_an_unknown_style_is_refused() -> None:
    d = derivation("linear")
    entries = explicit_example(explicit_entries(d.problem, {"n": 2, "d": 2, "m": 2}), ["G"])
    doc = build(d, manner=Manner("entries"), explicit=entries)
    assert not [b for b in walk(doc.blocks) if isinstance(b, StepTable)]
    with pytest.raises(MissingRuleError, match="differential"):
        Manner("prose")
    with pytest.raises(MissingRuleError, match="entries"):
        build(d, manner=Manner("entries"))


# SymPy


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x - 1", "x − 1"),
        ("1 - x**2", "1 − x²"),
        ("-x", "−x"),
        ("x/2", "x/2"),
        ("sqrt(x)", "√x"),
        ("exp(-x)", "e⁻ˣ"),
        ("Rational(-3, 4)", "−3/4"),
        ("2*(x + y)", "2x + 2y"),
        ("y*(x + 1)", "y(1 + x)"),
        ("Piecewise((x, x > 0), (0, True))", "max(0, x)"),
        ("Abs(x)", "|x|"),
    ],
)
def test_sympy_is_written_as_people_do(text: str, expected: str) -> None:
    assert unicode(EntryWriter()(sympy.sympify(text))) == expected


def test_entries_are_tinted_by_the_summed_index_and_ordered_as_the_product() -> None:
    g, x = sympy.Symbol("G_{1,2}", real=True), sympy.Symbol("X_{1,1}", real=True)
    written = EntryWriter({"X": 0, "G": 0}, {"X": 0, "G": 1})(g * x)
    assert isinstance(written, Row)
    assert unicode(written) == "X₁₁ G₁₂"
    assert {i.role for i in written.items if isinstance(i, Tint)} == {"slice1"}


def test_pieces_of_a_formula_make_the_formula() -> None:
    whole = row(Sym("Z"), EQUALS, Op("−"), Sym("X"), Op("+"), Sym("b"))
    assert row(*pieces(whole)) == whole
    assert [cut_sign(p) is None for p in pieces(whole)] == [False, True]
    assert width(whole) > sum(map(width, pieces(whole))) - 1


# colours and text


@pytest.mark.parametrize("color", [*COLORS.values(), MUTED])
@pytest.mark.parametrize("background", ["#ffffff", PANEL])
def test_colors_have_enough_contrast(color: str, background: str) -> None:
    assert contrast(color, background) >= 4.5


def test_every_slice_has_a_word() -> None:
    assert set(COLOR_WORDS) == {role for role in COLORS if role.startswith("slice")}


def test_text_is_escaped() -> None:
    assert latex_text("100% & #1 $x_{y}$") == r"100\% \& \#1 \$x\_\{y\}\$"
    assert latex_text("\\^~<中>").count("\\") == 5
    assert typst_text("#let *a* $x$ @b <c> // d") == r"\#let \*a\* \$x\$ \@b \<c\> \/\/ d"
    assert markdown_text("a|b\n# c") == r"a\|b \# c"
    assert markdown_text("$x$") == "<span>$</span>x<span>$</span>"
    assert markdown_code("a`b") == "<code>a&#96;b</code>"


# Markdown

_FENCE = re.compile(r"^```math\n(.*?)\n```$", re.M | re.S)
_INLINE = re.compile(r"\$`(.*?)`\$")
_BLOCKED = ("operatorname", "mbox", "phantom", "colorbox", "bm{", "htmlClass", "require", "def")


def formulas(text: str) -> list[str]:
    return [*_FENCE.findall(text), *_INLINE.findall(text)]


@pytest.mark.parametrize("name", ALL)
def test_markdown_formulas_survive_the_parser(name: str) -> None:
    text = markdown(document(name))
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    fences = [t.content.rstrip("\n") for t in tokens if t.type == "fence" and t.info == "math"]
    inline = [
        c.content
        for t in tokens
        for c in t.children or ()
        if c.type == "code_inline" and not c.content.startswith("#")
    ]
    assert sorted(fences) == sorted(_FENCE.findall(text))
    assert sorted(inline) == sorted(_INLINE.findall(text))
    widths = {len(line.split(" | ")) for line in text.splitlines() if line.startswith("| 1 ")}
    assert widths <= {4}


@pytest.mark.parametrize("name", ALL)
def test_markdown_formulas_keep_to_what_github_prints(name: str) -> None:
    for formula in formulas(markdown(document(name))):
        assert not [m for m in _BLOCKED if f"\\{m}" in formula], formula
        assert "|" not in formula
        assert formula.count("\\color") < 50
        assert formula.count("{") == formula.count("}")
        assert formula.count(r"\left") == formula.count(r"\right")
        for line in formula.splitlines():
            assert line.strip(), formula
            assert line[0] not in "+-*#>=", formula


def test_markdown_shows_a_nasty_title_as_it_is() -> None:
    html = MarkdownIt("commonmark").render(markdown(document("nasty")).splitlines()[0])
    shown = re.sub(r"</?(h1|span)>", "", html).strip()
    shown = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    assert shown.replace("&amp;", "&") == NASTY


# Typst


@pytest.mark.parametrize("name", [*ALL, "full"])
def test_typst_compiles_to_an_accessible_pdf(name: str) -> None:
    made = pdf(full() if name == "full" else document(name))
    assert made.startswith(b"%PDF")
    assert b"pdfuaid" in made or b"pdfuaid:part" in made


@pytest.mark.parametrize("name", ALL)
def test_every_equation_has_its_reading(name: str) -> None:
    source = typst(document(name)).split("#line(length: 100%")[1]
    outside = re.sub(r'(?<!\\)"(\\.|[^"\\])*"', '""', source)
    for found in re.finditer(r"(?<!\\)\$(.*?)(?<!\\)\$", outside, re.S):
        assert outside[: found.start()].endswith('"", '), found.group()
        assert outside[found.end() :].startswith(".body")


def test_a_pdf_has_the_same_bytes_each_time() -> None:
    assert pdf(document("quadratic")) == pdf(document("quadratic"))


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", [*SIX, "nasty", "twelve"])
def test_no_text_leaves_the_page(name: str, tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    path = tmp_path / "document.pdf"
    path.write_bytes(pdf(document(name)))
    boxes = subprocess.run(
        ["pdftotext", "-bbox", str(path), "-"], capture_output=True, text=True, check=True
    ).stdout
    edges = [float(x) for x in re.findall(r'xMax="([\d.]+)"', boxes)]
    assert max(edges) < 595 - 60


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(MissingRuleError, match="groff"):
        pdf(document("trace"), engine="groff")


# LaTeX


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ALL, "full"])
def test_latex_compiles_without_a_warning(name: str, tmp_path: Path) -> None:
    if shutil.which("latexmk") is None:
        pytest.skip("latexmk is not installed")
    path = tmp_path / "document.tex"
    path.write_text(latex(full() if name == "full" else document(name)), encoding="utf-8")
    log = typeset(path)
    assert not [x for x in log.splitlines() if re.search(r"Warning|Overfull|Underfull|^!", x)]


def test_latex_runs_until_its_references_are_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where latexmk stops too early, LaTeX's own log says so, and it is run again."""
    program = tmp_path / "latexmk"
    program.write_text(
        "#!/bin/sh\n"
        "echo x >> runs; touch document.pdf\n"
        '[ $(wc -l < runs) -lt 3 ] && echo "Rerun to get cross-references right." > document.log\n'
        '[ $(wc -l < runs) -lt 3 ] || echo "Output written." > document.log\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr("symderiv.documents.render.which", lambda _: str(program))
    assert typeset(tmp_path / "document.tex") == "Output written.\n"
    assert (tmp_path / "runs").read_text().count("x") == 3


def test_latex_gives_a_pdf_or_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    if shutil.which("latexmk") is not None:
        assert pdf(document("trace"), engine="latexmk").startswith(b"%PDF")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="latexmk"):
        pdf(document("trace"), engine="latexmk")


@pytest.mark.parametrize("name", ALL)
def test_latex_uses_recommended_packages_only(name: str) -> None:
    used = set(re.findall(r"\\usepackage(?:\[.*?\])?\{(.*?)\}", latex(document(name))))
    assert {p for group in used for p in group.split(",")} <= {
        *("fontenc", "inputenc", "lmodern", "mathpazo", "microtype", "geometry", "amsmath"),
        *("mathtools", "array", "booktabs", "tabularx", "graphicx", "xcolor", "listings"),
        "hyperref",
    }


# all formats


@pytest.mark.parametrize("name", ALL)
def test_formats_say_the_same(name: str) -> None:
    doc = document(name)
    steps = sum(len(b.lines) for b in walk(doc.blocks) if isinstance(b, StepTable))
    displays = [m for b in walk(doc.blocks) if isinstance(b, Display) for m in b.items]
    assert len(re.findall(r"^\| \d+ \| ", markdown(doc), re.M)) == steps
    assert latex(doc).count("\n\\step{") == steps
    assert typst(doc).count("    number: ") == steps
    assert markdown(doc).count("```math") >= len(displays)


FOLDER = Path(importlib.import_module("symderiv.documents").__file__ or "").parent
MODULES = sorted(p.stem for p in FOLDER.glob("*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_documents_reach_no_engine(module: str) -> None:
    tree = ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8"))
    found = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    found |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    engines = {"calculus", "tensor", "matrixform", "entries", "codegen"}
    assert not [m for m in found if set(m.split(".")) & engines]


@pytest.mark.parametrize("module", MODULES)
def test_doctests(module: str) -> None:
    name = "symderiv.documents" + ("" if module == "__init__" else f".{module}")
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.slow
def test_the_document_of_one_gradient_by_a_tensor_names_its_axes() -> None:
    page = sd.derive("convolution-1d", wrt="W").files(["md"])["derivation.md"].decode()
    assert "free: axis 3 of" in page


def test_a_formula_of_thousands_of_signs_is_cut_short_and_what_is_left_out_is_counted() -> None:
    signs = tuple(Sym(f"x{k}") for k in range(3 * MOST_SIGNS))
    nested = Row((Sym("a"), Fence("(", Row(signs), ")")))
    line = Line(1, None, signs, ())
    page = Document("", (), (Display((nested,)), StepTable((line,))))
    display, table, note = abridged(page).blocks
    assert markdown(Document("", (), (display,))).count("x_{") == MOST_SIGNS - 1
    assert len(table.lines[0].right) == MOST_SIGNS + 1
    assert f"{4 * MOST_SIGNS + 1:,} are left out" in note.text[0]
    short = Document("", (), (Display((Row(signs[:9]),)),))
    assert abridged(short) is short


def test_what_is_to_be_remembered_is_read_off_the_form_of_the_gradients() -> None:
    page = sd.derive("linear-layer").files(["md"])["derivation.md"].decode()
    facts = page.split("To remember")[1].split("##")[0]
    assert facts.count("* ") == 3
    assert "column sums" in facts
    other = sd.derive("0.5 * x.T @ A @ x", A="n, n symmetric", x="n", wrt="x")
    assert "To remember" not in other.files(["md"])["derivation.md"].decode()


def test_an_exercise_has_its_reasons_and_the_solution_after_it(tmp_path: Path) -> None:
    d = sd.derive("linear-layer", wrt="W")
    plain = d.files(["md"])["derivation.md"].decode()
    page = d.files(["md"], exercise=True)["derivation.md"].decode()
    asked, solved = page.split("## Solution")
    assert "chain rule" in asked
    assert "X^{\\top} G" not in asked
    assert plain.split("## 2")[1] in solved
    d.write(tmp_path, ["md"], exercise=True, lemmas="full", style="differential")
    assert verify_folder(tmp_path)[1] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cotangent", "written"),
    [("d", r"\mathrm{d}H"), ("bar", r"\bar{H}"), ("delta", r"\delta_{H}"), ("partial", "H")],
)
def test_cotangents_are_written_as_the_reader_likes(cotangent: str, written: str) -> None:
    page = sd.derive("ffn-relu", wrt="W1").files(["md"], cotangent=cotangent)["derivation.md"]
    assert written in page.decode().replace(" ", "")


@pytest.mark.slow
def test_a_written_out_result_names_the_property_that_it_rests_on_once() -> None:
    page = sd.derive("multinomial-regression").files(["md"])["derivation.md"].decode()
    assert page.count("as $`Y`$ has one-hot rows, with [") == 1
    assert page.count("as $`Y`$ has one-hot rows") == 1
    page = sd.derive("softmax-cross-entropy").files(["md"])["derivation.md"].decode()
    assert "as $`T`$" not in page  # a reason above has said it
    assert "; the mean over the rows for matrices:" in page


@pytest.mark.slow
def test_what_is_written_out_without_a_sum_is_not_said_to_add_up() -> None:
    page = sd.derive("neo-hooke").files(["md"])["derivation.md"].decode()
    assert "each entry sums" not in page


def test_column_sums_have_the_shapes_of_a_product_with_ones() -> None:
    p = problem("Z = X @ W; L(Z)", X="n, d", W="d, m")
    g = var("G", p.definitions["Z"].shape)
    total = node("sum", (g,), (ONE, g.shape[1]), 0)
    assert unicode(shapes_of_terms(node("transpose", (total,), (g.shape[1], ONE)))) == "(m×n)(n×1)"
    assert unicode(shapes_of_terms(total)) == "(1×n)(n×m)"


def test_formulas_in_the_prose_of_an_answer_are_typeset() -> None:
    p = sd.load("linear-layer")
    scribe = Scribe(DerivedGradients(p), {})
    said = quoting(scribe, "`G[1, :]` is `n x m`, and `X.T @ G` where `W >= 0`; `no(formula` stays")
    assert not any("[" in x for x in said if isinstance(x, str))
    assert sum(isinstance(x, Math) for x in said) == 4
    assert [x.text for x in said if isinstance(x, Code)] == ["no(formula"]


@pytest.mark.parametrize("name", ["softmax-cross-entropy", "neo-hooke"])
def test_style_entries_shows_an_entry_of_every_long_gradient(name: str) -> None:
    d = DerivedGradients(sd.load(name))
    explicit = entries_example(d)
    doc = build(d, manner=Manner(style="entries"), explicit=explicit)
    printed = markdown(doc)
    alone, whole = (f"{x} gradient, as SymPy finds it:" for x in ("One entry of the", "The"))
    assert printed.count(alone) + printed.count(whole) == len(d)
