"""What the macros of LaTeX are here, as data: a spelling more is an entry more."""

from __future__ import annotations

from ...notation.identifiers import GREEK
from ...ops import TABLE

SPACES = frozenset(
    r", ; ! : > quad qquad enspace enskip thinspace medspace thickspace negthinspace"
    r" nobreakspace limits nolimits displaystyle textstyle scriptstyle scriptscriptstyle"
    r" nonumber notag hfill allowbreak relax qty".split()
) | {" ", "/"}

# Macros that are left out with their argument.
DROPPED = frozenset(
    "label tag color hspace vspace mathopen mathclose phantom hphantom vphantom".split()
)
# Macros whose last argument is what counts, by how many they have; the others are left out.
TRANSPARENT = {
    **dict.fromkeys(
        "mathrel mathbin mathop mathord mathpunct boxed fbox ensuremath cancel".split(), 1
    ),
    **dict.fromkeys("textcolor colorbox underset overset stackrel".split(), 2),
}
SIZES = frozenset(
    f"{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")
)

# Fonts: those that set letters side by side, and those that make one word of them.
FONTS = frozenset(
    "mathbf boldsymbol bm mathbfit symbf pmb mathbb mathcal mathscr mathfrak mathnormal bf mathds"
    " bold textbf".split()
)
WORDS = frozenset(
    "mathrm mathit mathsf mathtt operatorname text textrm textit textsf texttt mbox rm"
    " textnormal symrm".split()
)
SWITCHES = frozenset({"rm", "bf"})  # they hold up to the end of their braces
BOLD = frozenset("mathbf boldsymbol bm mathbb pmb bf mathds bold textbf vec symbf mathbfit".split())

ACCENTS = {name: name for name in ("hat", "bar", "tilde", "dot", "ddot", "vec")} | {
    "widehat": "hat",
    "overline": "bar",
    "widetilde": "tilde",
    "overrightarrow": "vec",
    "underline": "",
}

GREEK_MACROS = {latex[1:]: name for name, (_, latex) in GREEK.items() if latex.startswith("\\")}
GREEK_MACROS = {m: n for m, n in GREEK_MACROS.items() if m.isalpha()} | {
    name: name for name in GREEK if name[0].islower()
}
GREEK_MACROS |= {
    f"var{name}": name for name in ("epsilon", "theta", "phi", "rho", "sigma", "pi", "kappa")
}
GREEK_MACROS |= {f"var{n}": n for n in ("Gamma", "Delta", "Theta", "Sigma", "Phi", "Omega")}

# How a letter of Greek may be spelled in a declared name.
GREEK_SPELLINGS = {
    "lambda": ("lambda", "lam", "lamda", "lmbda"),
    "epsilon": ("epsilon", "eps", "varepsilon"),
}
GREEK_SPELLINGS["ell"] = ("ell", "l")
GREEK_SPELLINGS |= {n: (n, f"var{n}") for n in ("theta", "phi", "rho", "sigma", "kappa")}

LETTERS = {"imath": "i", "jmath": "j"}

SIGNS = {
    macro: name
    for name, macros in {
        "cdot": "cdot cdotp bullet",
        "times": "times",
        "odot": "odot circ",
        "otimes": "otimes",
        "oslash": "oslash",
        "top": "top intercal transp",
        "prime": "prime",
        "partial": "partial",
        "nabla": "nabla",
        "infty": "infty",
        "star": "star ast",
        "dagger": "dagger",
        "<": "lt",
        ">": "gt",
        "<=": "le leq leqslant",
        ">=": "ge geq geqslant",
        ":": "colon",
        "=": "coloneqq triangleq",
        "/": "slash div",
        "[": "lbrack",
        "in": "in",
        "neq": "neq ne",
    }.items()
    for macro in macros.split()
}
CHARACTERS = {sign: sign for sign in "+-=/,:<>.;"} | {"*": "star"}
# Signs of Unicode, as macros.
UNICODE = {
    "−": "-",
    "·": r"\cdot",
    "⋅": r"\cdot",
    "×": r"\times",
    "⊙": r"\odot",
    "∘": r"\circ",
    "⊗": r"\otimes",
    "⊤": r"\top",
    "∂": r"\partial",
    "∇": r"\nabla",
    "∑": r"\sum",
    "‖": r"\Vert",
    "⟨": r"\langle",
    "⟩": r"\rangle",
    "′": "'",
    "’": "'",
    "ℓ": r"\ell",
} | {letter: rf"\{name}" for name, (letter, _) in GREEK.items()}

OPENING = {"(": ")", "[": "]", "lbrack": "]", "{": "}", "lbrace": "}", "langle": ">"}
OPENING |= {"lvert": "|", "lVert": "||", "lfloor": "floor", "lceil": "ceil"}
CLOSING = {")": ")", "]": "]", "rbrack": "]", "}": "}", "rbrace": "}", "rangle": ">"}
CLOSING |= {"rvert": "|", "rVert": "||", "rfloor": "floor", "rceil": "ceil"}
BARS = {"|": "|", "vert": "|", "Vert": "||", "mid": "|"}  # \| is the macro |

# Functions by their words on paper; a word that is a function of the language is that.
FUNCTION_WORDS = {
    word: name
    for name, words in {
        "trace": "tr Tr Trace trace",
        "log": "ln",
        "diag": "Diag",
        "relu": "ReLU relu",
        "sign": "sgn Sign",
        "arccosh": "arcosh",
        "tan": "tg",
        "sinh": "sh",
        "cosh": "ch",
        "tanh": "th",
        "softmax": "Softmax",
        "logsoftmax": "LogSoftmax",
        "gelu": "GELU",
        "silu": "SiLU swish",
        "elu": "ELU",
        "logsumexp": "LSE",
        "layernorm": "LayerNorm LN",
        "rmsnorm": "RMSNorm",
        "sigmoid": "sigm",
        "vec": "Vec",
        "adjugate": "adj",
        "det": "Det",
        "cholesky": "chol",
        "eigvalsh": "eigvals",
        "eigvecsh": "eigvecs",
        "cross_entropy": "CE",
        "mean": "avg",
        "merge_heads": "merge",
        "split_heads": "split",
        "delta": "kronecker",
        "diagonal_sums": "diagsums",
        "normal_pdf": "normpdf",
        "normal_cdf": "normcdf",
        "khatri_rao": "khatrirao",
    }.items()
    for word in words.split()
}
# Macros that set a function's word.
FUNCTION_MACROS = frozenset(
    "arccos arcsin arctan cos cosh det exp log ln sin sinh tan tanh tr Tr diag vec max min"
    " softmax relu ReLU sigmoid sign sgn trace Diag Vec".split()
)
# Functions that take the whole product behind them, and stop only at another of them.
GREEDY = frozenset({"trace", "det", "logdet"})
# Behind these, a power of an argument in parentheses is written in two senses: log(x)^2.
LOOSE = frozenset(
    "log exp sin cos tan sinh cosh tanh arcsin arccos arctan trace sqrt log1p expm1".split()
)
AXES: dict[str, int | None] = {"rows": 0, "cols": 1, "all": None}
AXES |= {"eachcolumn": -2, "eachrow": -1}  # of a tensor too
AXES |= {f"axis{k}": k for k in range(8)}
# Functions with sizes in their subscript, and their names in the language.
SIZED = {"reshape": "reshape", "part": "part", "transpose": "transpose"}
SIZED |= {"split_heads": "split_heads"}
LETTERED = {
    ("u", "1"): "left_singular",
    ("v", "1"): "right_singular",
    ("1", "max"): "max_mask",
    ("1", "min"): "min_mask",
}
SUBSCRIPTED = {
    ("prod", "others"): "prod_others",
    ("relu", "leaky"): "leaky_relu",
    ("gelu", "tanh"): "gelu_tanh",
    ("log", "2"): "log2",
    ("log", "10"): "log10",
}

# The derivative of an entrywise function, written with a prime, in the language.
DERIVATIVES = {op.name: op.slope for op in TABLE.values() if op.entrywise and op.slope}

ENVIRONMENTS = frozenset(
    "align equation gather multline eqnarray displaymath math split aligned gathered flalign"
    " alignat alignedat dmath".split()
)
ALIGNED = ENVIRONMENTS - {"equation", "displaymath", "math", "dmath"}

# Macros that are known and have no reading here, with what to write instead.
REFUSED = {
    macro: remedy
    for remedy, macros in {
        "an expectation is no expression; write a mean: \\frac1n \\sum_i": "mathbb{E}",
        "an integral is no expression of matrices": "int oint",
        "a limit is no expression of matrices": "lim",
        "an arg max has no derivative": "arg argmax",
        "an arg min has no derivative": "argmin",
        "write \\max of all entries": "sup",
        "write \\min of all entries": "inf",
        "one sign at a time: + or -": "pm mp",
        "write the sum out, or with an index: \\sum_i": "dots ldots cdots vdots ddots",
        "a direct sum is not in the language": "oplus bigoplus",
        "write the Kronecker product of two: A \\otimes B": "bigotimes",
        "an exterior product is not in the language": "wedge",
        "the entrywise product is \\odot": "hadamard",
        "a claim is an equation: =": "approx propto equiv sim to exists",
        "write one equation": "implies Rightarrow iff",
        "leave it out: a free index stands for every one": "forall",
        "a set is no matrix": "mathbb{R}",
        "everything is real: leave it out": "Re conj",
        "everything is real": "Im",
        "files are not read: write the formula itself": "input include",
        "commands are not run: write the formula itself": "write",
        "macros are not expanded: write the formula out": "def newcommand renewcommand let",
        "macros are not expanded; \\operatorname{name} is read": "DeclareMathOperator",
        "leave the preamble out: write the formula itself": "usepackage documentclass",
        "write several sums, each with one index": "substack",
        "a binomial is not in the language": "binom",
        "matrices are names; environments of equations only": "begin",
        "it ends what was not begun": "end",
        "write the parts of it on their own": "middle",
        "write \\frac{a}{b}, or A^{-1} b": "backslash",
        "write A^{-1} b": "setminus",
        "the rank has no derivative": "rank",
        "write where(c > 0, a, b) in the language": "not",
    }.items()
    for macro in macros.split()
}
