"""The printers of notation: tables of pairs, and documents that really compile."""

from __future__ import annotations

import dataclasses
import doctest
import importlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import symderiv.notation.math
from symderiv.notation.identifiers import GREEK, read_name
from symderiv.notation.latex import latex
from symderiv.notation.math import (
    DIFFERENTIAL,
    EQUALS,
    PARTIAL,
    TRANSPOSE,
    Big,
    Brace,
    Fence,
    Frac,
    Grid,
    Math,
    Num,
    Op,
    Root,
    Row,
    Script,
    Sym,
    Tint,
    Under,
    Word,
    fraction_of_partials,
    listed,
    row,
    sub,
    sup,
)
from symderiv.notation.spacing import gap, items_of
from symderiv.notation.typst import typst
from symderiv.notation.unicode import unicode
from symderiv.notation.words import words

MINUS, PLUS, TIMES = Op("−"), Op("+"), Op("×")
A, B, G, L, T, W, X, Z = (Sym(name) for name in "ABGLTWXZ")
F, d, i, j, k, m, n, p, q, x = (Sym(name) for name in "Fdijkmnpqx")
ONES = Sym("1", bold=True)


def parens(body: Math) -> Math:
    return Fence("(", body, ")")


def num(value: int) -> Math:
    return Num(str(value)) if value >= 0 else row(MINUS, Num(str(-value)))


def grid(*lines: tuple[int, ...]) -> Math:
    return Grid(tuple(tuple(num(value) for value in line) for line in lines))


def shaped(body: Math, rows: Math, columns: Math) -> Math:
    return Under(body, row(rows, TIMES, columns))


XI = sub(Tint("input", Sym("x", bold=True)), i)
GI = sup(sub(Tint("upstream", Sym("g", bold=True)), i), TRANSPOSE)
XT = sup(Tint("input", X), TRANSPOSE)
DL_DW = fraction_of_partials(L, W)
SUMMED = Big("∑", row(i, EQUALS, Num("1")), n, row(XI, GI))

FORMULAS: dict[str, Math] = {
    "result": row(DL_DW, EQUALS, XT, Tint("upstream", G), EQUALS, SUMMED),
    "shapes": row(
        shaped(Z, n, m),
        EQUALS,
        shaped(Tint("input", X), n, d),
        shaped(W, d, m),
        PLUS,
        shaped(ONES, n, Num("1")),
        shaped(sup(Sym("b", bold=True), TRANSPOSE), Num("1"), m),
    ),
    "shaped-answer": row(DL_DW, EQUALS, shaped(XT, d, n), shaped(Tint("upstream", G), n, m)),
    "entry": row(
        sub(Z, row(i, j)),
        EQUALS,
        Big("∑", row(k, EQUALS, Num("1")), d, row(sub(X, row(i, k)), sub(W, row(k, j)))),
        PLUS,
        sub(Sym("b", bold=True), j),
    ),
    "chain": row(
        fraction_of_partials(L, sub(W, row(p, q))),
        EQUALS,
        Big(
            "∑",
            row(i, Op(","), j),
            None,
            row(
                fraction_of_partials(L, sub(Z, row(i, j))),
                fraction_of_partials(sub(Z, row(i, j)), sub(W, row(p, q))),
            ),
        ),
    ),
    "entry-of-product": row(
        Big("∑", i, None, row(sub(parens(XT), row(p, i)), sub(Tint("upstream", G), row(i, q)))),
        EQUALS,
        sub(parens(row(XT, Tint("upstream", G))), row(p, q)),
    ),
    "norm": row(
        L, EQUALS, Frac(Num("1"), Num("2")), Script(Fence("‖", row(Z, MINUS, T), "‖"), F, Num("2"))
    ),
    "differential": row(
        Sym("dL"),
        EQUALS,
        Fence("⟨", listed(G, Sym("dZ")), "⟩"),
        EQUALS,
        Fence("⟨", listed(G, row(X, Sym("dW"))), "⟩"),
    ),
    "numbers": row(grid((1, 2), (3, -1)), grid((-1,), (4,)), EQUALS, grid((7,), (-7,))),
    "brace": row(
        Brace(Tint("row-1", grid((-1, 2), (-2, 4))), row(sub(x, num(1)), GI)),
        PLUS,
        Brace(Grid(((sub(X, row(num(1), num(1))), num(0)),)), Word("row 2", function=False)),
    ),
    "coloured-signs": row(
        A,
        Tint("input", row(PLUS, B)),
        Tint("upstream", EQUALS),
        Tint("input", row(MINUS, A)),
        PLUS,
        Tint("input", Word("tr")),
        parens(A),
        Tint("note", Op(",")),
        B,
    ),
    "functions": row(
        Num("2"),
        Word("tr"),
        parens(row(A, B)),
        PLUS,
        Word("tanh"),
        parens(Z),
        MINUS,
        Word("log"),
        Word("det"),
        A,
        Op("⊙"),
        Word("diag"),
        x,
        Op("·"),
        Sym("f"),
        parens(Frac(A, B)),
    ),
    "inverse": sup(sup(A, row(MINUS, Num("1"))), TRANSPOSE),
    "root": row(
        Frac(x, Root(row(sup(Sym("sigma"), Num("2")), PLUS, Sym("eps")))),
        Op("≔"),
        Fence("|", Num("1e-05"), "|"),
        Op(":"),
        Fence("{", A, "}"),
        Fence("[", B, "]"),
    ),
    "relations": row(
        x,
        Op("≥"),
        num(0),
        Op("⟹"),
        x,
        Op("∈"),
        sup(Word("ℝ", function=False), row(n, TIMES, d)),
        Op("→"),
        A,
        Op("≠"),
        B,
        Op("<"),
        p,
        Op(">"),
        q,
        Op("≤"),
        n,
    ),
    "sup-of-tint": Script(Tint("input", X), row(i, j), TRANSPOSE),
    "sup-of-under": Script(Under(X, n), None, TRANSPOSE),
    "sup-of-row": Script(row(A, B), i, Num("2")),
    "sup-of-script": Script(Script(A, i), j, None),
    "sup-of-frac": Script(Frac(A, B), None, Num("2")),
    "named-twice": row(sub(Sym("W_1"), row(i, j)), sup(Sym("x_star"), TRANSPOSE), Sym("loss"), x),
    "big-indices": sub(X, row(Num("1"), Num("12"))),
    "words": row(
        Num("2"),
        Sym("loss"),
        PLUS,
        fraction_of_partials(Sym("loss"), x),
        Op(","),
        Sym("loss"),
        parens(x),
        EQUALS,
        Sym("loss"),
        Word("if", function=False),
        x,
        EQUALS,
        parens(Sym("loss")),
        Big("∑", i, None, Sym("loss")),
        Tint("input", Sym("loss")),
        Tint("input", Word("log")),
        x,
    ),
    "odd-words": row(
        Word("leaky_relu"),
        parens(x),
        PLUS,
        Word("σ"),
        x,
        PLUS,
        Word("log1p"),
        parens(x),
        Word("50% of a_b & {c} #1 ~ x^2 \\ $ λ é ≤", function=False),
        Word("⋯", function=False),
        Word("F", function=False),
        Word("d", function=False),
        L,
    ),
    "floor": Fence("⌊", Frac(A, Num("2")), "⌋"),
    "empty-row": Row(()),
}

WRITTEN = """
X x_hat W_1 W1 alpha Wq dZ X_bar lam lambda lambda_ mu_0 ones zeros in sum frac beta pi dot text
loss batch_size d_model x_train_hat W_q_1 dW1 dX_hat muhat x_star x_prime Wout Win Sigma Eta
sigma2 bq dff eps dmu x_ij _x x10 WQ loss_hat max A_T y1_pred theta_dot b_1_hat v_vec a_ddot
n_tilde op mat class upright bold let set show import for mathit def end begin input par item hbox
relax textcolor over under None True print str a$b a#b a"b a\\b a%b a&b a{b a}b a^b a~b a*b a/b
a'b _ __ α λ_1 Ω aσb
"""
NAMES = WRITTEN.split()

COLORS = {"input": "c-input", "upstream": "c-upstream", "note": "c-note", "row-1": "c-row"}
HEX = {"input": "#1b63a5", "upstream": "#b4500f", "note": "#6b7280", "row-1": "#0f766e"}


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (
            "entry-of-product",
            r"\sum_{i} \, (X^{\top})_{pi} \, G_{iq} = (X^{\top} G)_{pq}",
        ),
        ("inverse", r"A^{-\top}"),
        ("norm", r"L = \frac{1}{2} \, \lVert Z - T \rVert_{F}^{2}"),
        (
            "differential",
            (
                r"\mathrm{d}L = \langle G, \mathrm{d}Z \rangle = \langle G, X \, "
                r"\mathrm{d}W \rangle"
            ),
        ),
        (
            "functions",
            (
                r"2 \operatorname{tr}(AB) + \tanh(Z) - \log \det A \odot \operatorname{diag} x"
                r" \cdot f \mathopen{}\left( \frac{A}{B} \right)"
            ),
        ),
        ("named-twice", r"(W_{1})_{ij} \, x^{\star\top} \, \mathit{loss} \, x"),
        ("big-indices", "X_{1,12}"),
        ("sup-of-script", "{A_{i}}_{j}"),
        (
            "numbers",
            (
                r"\begin{bmatrix*}[r] 1 & 2 \\ 3 & -1 \end{bmatrix*} \begin{bmatrix*}[r] -1 \\"
                r" 4 \end{bmatrix*} = \begin{bmatrix*}[r] 7 \\ -7 \end{bmatrix*}"
            ),
        ),
    ],
)
def test_latex_is_as_written_by_hand(key: str, expected: str) -> None:
    assert latex(FORMULAS[key]) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("inverse", "A^(− ⊤)"),
        ("entry-of-product", r"∑_(i) thin \(X^(⊤)\)_(p i) thin G_(i q) = \(X^(⊤) G\)_(p q)"),
        ("norm", "L = frac(1, 2) thin lr(‖ Z − T ‖)_(F)^(2)"),
        ("big-indices", r"X_(1\,12)"),
    ],
)
def test_typst_is_as_written_by_hand(key: str, expected: str) -> None:
    assert typst(FORMULAS[key]) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("result", "∂L/∂W = Xᵀ G = ∑ᵢ₌₁ⁿ xᵢ gᵢᵀ"),
        ("shapes", "Z:n×m = X:n×d W:d×m + 1:n×1 bᵀ:1×m"),
        ("entry", "Zᵢⱼ = ∑ₖ₌₁ᵈ Xᵢₖ Wₖⱼ + bⱼ"),
        ("chain", "∂L/∂W[p,q] = ∑_(i,j) (∂L/∂Z[i,j]) (∂Z[i,j]/∂W[p,q])"),
        ("entry-of-product", "∑ᵢ (Xᵀ)[p,i] G[i,q] = (Xᵀ G)[p,q]"),
        ("norm", "L = (1/2) ‖Z − T‖_F²"),
        ("differential", "dL = ⟨G, dZ⟩ = ⟨G, X dW⟩"),
        ("numbers", "[1 2; 3 −1] [−1; 4] = [7; −7]"),
        ("inverse", "A⁻ᵀ"),
        ("functions", "2 tr(A B) + tanh(Z) − log det A ⊙ diag x · f(A/B)"),
        ("named-twice", "W₁[i,j] x*ᵀ loss x"),
        ("big-indices", "X[1,12]"),
        ("sup-of-row", "(A B)ᵢ²"),
    ],
)
def test_unicode_is_as_a_person_types(key: str, expected: str) -> None:
    assert unicode(FORMULAS[key]) == expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (
            "result",
            (
                "partial L by partial W equals X transpose times G equals"
                " the sum over i from 1 to n of x sub i times g sub i transpose"
            ),
        ),
        (
            "shaped-answer",
            "partial L by partial W equals X transpose, d by n, times G, n by m",
        ),
        ("inverse", "A inverse transpose"),
        ("norm", "L equals 1 over 2 times the norm of Z minus T end norm sub F squared"),
        (
            "differential",
            (
                "d L equals the inner product of G and d Z end inner product equals"
                " the inner product of G and X times d W end inner product"
            ),
        ),
        ("named-twice", "W sub 1 sub i j times x star transpose times loss times x"),
    ],
)
def test_words_are_what_a_reader_says(key: str, expected: str) -> None:
    assert words(FORMULAS[key]) == expected


@pytest.mark.parametrize(
    ("name", "tex", "typ", "text", "read"),
    [
        ("x_hat", r"\hat{x}", "hat(x)", "x̂", "x hat"),
        ("Wq", "W_{q}", "W_(q)", "W_q", "W sub q"),
        ("W1", "W_{1}", "W_(1)", "W₁", "W sub 1"),
        ("lambda_", r"\lambda", "λ", "λ", "lambda"),
        ("lam", r"\lambda", "λ", "λ", "lambda"),
        ("mu_0", r"\mu_{0}", "μ_(0)", "μ₀", "mu sub 0"),
        ("dZ", r"\mathrm{d}Z", "upright(d) Z", "dZ", "d Z"),
        ("ones", r"\mathbf{1}", "upright(bold(1))", "1", "ones"),
        ("d_model", r"d_{\mathrm{model}}", 'd_(upright("model"))', "d_model", "d sub model"),
        ("batch_size", r"\mathit{batch\_size}", 'italic("batch_size")', "batch_size", "batch size"),
        ("in", r"\mathit{in}", 'italic("in")', "in", "in"),
        ("sum", r"\mathit{sum}", 'italic("sum")', "sum", "sum"),
        (
            "x_train_hat",
            r"\hat{x}_{\mathrm{train}}",
            'hat(x)_(upright("train"))',
            "x̂_train",
            "x hat sub train",
        ),
        ('a"b#', r"""\mathit{a"b\#}""", r'italic("a\"b#")', 'a"b#', 'a"b#'),
    ],
)
def test_name_is_typeset_as_a_person_would(
    name: str, tex: str, typ: str, text: str, read: str
) -> None:
    sym = Sym(name)
    assert (latex(sym), typst(sym), unicode(sym), words(sym)) == (tex, typ, text, read)


@pytest.mark.parametrize("name", sorted(GREEK))
def test_greek_name_is_one_letter(name: str) -> None:
    assert read_name(name).core == GREEK[name][0]
    assert read_name(f"{name}_1").sub == Num("1")


def test_bold_is_upright_for_latin_and_a_symbol_for_greek() -> None:
    assert latex(Sym("b", bold=True)) == r"\mathbf{b}"
    assert latex(Sym("mu", bold=True)) == r"\boldsymbol{\mu}"
    assert typst(Sym("b", bold=True)) == "upright(bold(b))"
    assert typst(Sym("mu", bold=True)) == "bold(μ)"


@pytest.mark.parametrize("key", FORMULAS)
def test_every_printer_prints_every_formula_in_one_line(key: str) -> None:
    formula = FORMULAS[key]
    printed = [
        latex(formula, colors=COLORS),
        latex(formula, colors=HEX, dialect="github"),
        typst(formula, colors=COLORS),
        unicode(formula),
        words(formula),
    ]
    assert all("\n" not in text for text in printed)
    # Only the writer's own words may be other than ASCII.
    assert key == "odd-words" or words(formula).isascii()


def test_every_node_class_is_in_the_formulas() -> None:
    def classes(value: object) -> set[str]:
        if isinstance(value, tuple):
            return {name for item in value for name in classes(item)}
        if not isinstance(value, Math):
            return set()
        inner = (classes(getattr(value, f.name)) for f in dataclasses.fields(value))
        return {type(value).__name__}.union(*inner)

    assert classes(tuple(FORMULAS.values())) == {c.__name__ for c in Math.__subclasses__()}


BLOCKED = (
    "operatorname",
    "mbox",
    "phantom",
    "colorbox",
    "bm",
    "htmlClass",
    "coloneqq",
    "textcolor",
)


@pytest.mark.parametrize("formula", [*FORMULAS.values(), *map(Sym, NAMES)], ids=repr)
def test_github_has_no_blocked_macro(formula: Math) -> None:
    text = latex(formula, colors=HEX, dialect="github")
    macros = set(re.findall(r"\\([A-Za-z]+)", text))
    assert not macros & set(BLOCKED)
    assert not re.search(r"[<>|]|bmatrix\*", text.replace("{<}", "").replace("{>}", ""))
    assert text
    assert not text.startswith(("+", "-", "*", "#", ">", "="))


def test_github_has_fewer_than_fifty_colours() -> None:
    many = row(*(Tint("input", sub(X, i)) for _ in range(50)))
    assert r"\color" not in latex(many, colors=HEX, dialect="github")
    assert latex(many, colors=HEX).count(r"\color") == 50


def test_unknown_role_is_not_coloured() -> None:
    assert latex(Tint("nothing", X), colors=HEX) == typst(Tint("nothing", X), colors=HEX) == "X"


def test_unknown_dialect_is_an_error() -> None:
    with pytest.raises(ValueError, match="choose 'latex', 'amsmath' or 'github'"):
        latex(X, dialect="katex")  # type: ignore[arg-type]


@pytest.mark.parametrize("formula", [Op("☃"), Fence("☃", X, "☃")])
def test_sign_without_latex_is_an_error(formula: Math) -> None:
    with pytest.raises(ValueError, match="no LaTeX for '☃'"):
        latex(formula)


def test_coloured_sign_keeps_its_class() -> None:
    assert latex(row(A, Tint("input", row(PLUS, B))), colors={"input": "red"}) == (
        r"A \mathbin{\color{red}{+}} {\color{red}{B}}"
    )


def test_partial_is_never_spaced() -> None:
    assert gap(PARTIAL, X).name == "NONE"
    assert items_of(Row((Row((A, B)), X))) == (A, B, X)


@pytest.mark.parametrize("module", ["identifiers", "spacing", "latex", "typst", "unicode", "words"])
def test_docstring_examples_run(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"symderiv.notation.{module}"))
    assert result.attempted
    assert not result.failed


def latex_document() -> str:
    """Return a document with every formula and every name, bold and not."""
    colors = "".join(
        rf"\definecolor{{{COLORS[role]}}}{{HTML}}{{{value[1:].upper()}}}" + "\n"
        for role, value in HEX.items()
    )
    displays = "\n".join(rf"\[{latex(f, colors=COLORS)}\]" for f in FORMULAS.values())
    names = "\n".join(
        rf"\({latex(Sym(name))}\), \({latex(Sym(name, bold=True), colors=HEX)}\);" for name in NAMES
    )
    return "\n".join(
        [
            r"\documentclass{article}",
            r"\usepackage{amsmath,mathtools,xcolor}",
            colors + r"\begin{document}\raggedright",
            displays + "\n\n" + names,
            r"\end{document}",
        ]
    )


def typst_document() -> str:
    """Return a document with every formula and every name, bold and not."""
    lets = "".join(f'#let {COLORS[role]} = rgb("{value}")\n' for role, value in HEX.items())
    page = "#set page(width: 18cm, height: auto, margin: 1cm)\n"
    displays = "\n".join(f"$ {typst(f, colors=COLORS)} $" for f in FORMULAS.values())
    names = "\n".join(f"${typst(Sym(s))}$, ${typst(Sym(s, bold=True))}$;" for s in NAMES)
    return page + lets + displays + "\n\n" + names


@pytest.mark.skipif(shutil.which("latexmk") is None, reason="latexmk is not installed")
def test_latex_compiles_without_a_warning(tmp_path: Path) -> None:
    (tmp_path / "all.tex").write_text(latex_document(), encoding="utf-8")
    run = subprocess.run(
        ["latexmk", "-pdf", "-interaction=nonstopmode", "-halt-on-error", "all.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
        check=False,
    )
    log = (tmp_path / "all.log").read_text(encoding="latin-1")
    assert run.returncode == 0, log[-3000:]
    assert not re.findall(r"^.*(?:Warning|Overfull|Missing character).*$", log, re.MULTILINE)


def test_typst_compiles_without_a_warning() -> None:
    compiler = pytest.importorskip("typst")
    pdf, warnings = compiler.compile_with_warnings(
        typst_document().encode(), ignore_system_fonts=True
    )
    assert pdf.startswith(b"%PDF")
    assert not warnings


def test_heights_are_found_once_where_a_formula_nests_deep(monkeypatch) -> None:
    deep: Math = Frac(A, B)
    for _ in range(60):
        deep = row(Word("f"), Fence("(", deep, ")"))
    monkeypatch.setattr(symderiv.notation.math, "_heights", None)  # printing asks for none
    assert latex(deep).count(r"\left(") == 60


def test_a_differential_keeps_apart_from_the_factor_after_it() -> None:
    change = row(DIFFERENTIAL, Sym("X"))
    for factor in (change, row(DIFFERENTIAL, Tint("input", Sym("X")))):
        product = row(factor, Sym("W"))
        assert unicode(product) == "dX W"  # not d(XW)
        assert latex(product).endswith(r" \, W")
        assert typst(product).endswith(" thin W")
        assert words(product) == "d X times W"
    assert unicode(row(Sym("X"), change, Op("+"), change)) == "X dX + dX"
