"""What the macros of LaTeX are here, as data: a spelling more is an entry more."""

from __future__ import annotations

from ...notation.identifiers import GREEK

SPACES = frozenset(
    r", ; ! : > quad qquad enspace enskip thinspace medspace thickspace negthinspace"
    r" nobreakspace limits nolimits displaystyle textstyle scriptstyle scriptscriptstyle"
    r" nonumber notag hfill allowbreak relax qty".split()
) | {" ", "/"}

# Macros that are left out with so many arguments.
DROPPED = {
    "label": 1,
    "tag": 1,
    "color": 1,
    "hspace": 1,
    "vspace": 1,
    "mathopen": 1,
    "mathclose": 1,
    "phantom": 1,
    "hphantom": 1,
    "vphantom": 1,
}
# Macros whose last argument is what counts; the others are left out.
TRANSPARENT = {
    "mathrel": 1,
    "mathbin": 1,
    "mathop": 1,
    "mathord": 1,
    "mathpunct": 1,
    "boxed": 1,
    "fbox": 1,
    "ensuremath": 1,
    "cancel": 1,
    "textcolor": 2,
    "colorbox": 2,
    "underset": 2,
    "overset": 2,
    "stackrel": 2,
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

ACCENTS = {
    "hat": "hat",
    "widehat": "hat",
    "bar": "bar",
    "overline": "bar",
    "tilde": "tilde",
    "widetilde": "tilde",
    "dot": "dot",
    "ddot": "ddot",
    "vec": "vec",
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
    "cdot": "cdot",
    "cdotp": "cdot",
    "bullet": "cdot",
    "times": "times",
    "odot": "odot",
    "circ": "odot",
    "otimes": "otimes",
    "oslash": "oslash",
    "top": "top",
    "intercal": "top",
    "transp": "top",
    "prime": "prime",
    "partial": "partial",
    "nabla": "nabla",
    "infty": "infty",
    "star": "star",
    "ast": "star",
    "dagger": "dagger",
    "lt": "<",
    "gt": ">",
    "le": "<=",
    "leq": "<=",
    "leqslant": "<=",
    "ge": ">=",
    "geq": ">=",
    "geqslant": ">=",
    "colon": ":",
    "coloneqq": "=",
    "triangleq": "=",
    "slash": "/",
    "div": "/",
    "lbrack": "[",
    "in": "in",
    "neq": "neq",
    "ne": "neq",
}
CHARACTERS = {
    "+": "+",
    "-": "-",
    "=": "=",
    "/": "/",
    ",": ",",
    ":": ":",
    "<": "<",
    ">": ">",
    "*": "star",
    ".": ".",
    ";": ";",
}
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

OPENING = {
    "(": ")",
    "[": "]",
    "lbrack": "]",
    "{": "}",
    "lbrace": "}",
    "langle": ">",
    "lvert": "|",
    "lVert": "||",
    "lfloor": "floor",
    "lceil": "ceil",
}
CLOSING = {
    ")": ")",
    "]": "]",
    "rbrack": "]",
    "}": "}",
    "rbrace": "}",
    "rangle": ">",
    "rvert": "|",
    "rVert": "||",
    "rfloor": "floor",
    "rceil": "ceil",
}
BARS = {"|": "|", "vert": "|", "Vert": "||", "mid": "|"}  # \| is the macro |

# Functions by their words on paper; a word that is a function of the language is that.
FUNCTION_WORDS = {
    "tr": "trace",
    "Tr": "trace",
    "Trace": "trace",
    "trace": "trace",
    "ln": "log",
    "Diag": "diag",
    "ReLU": "relu",
    "relu": "relu",
    "sgn": "sign",
    "Sign": "sign",
    "arcosh": "arccosh",
    "tg": "tan",
    "sh": "sinh",
    "ch": "cosh",
    "th": "tanh",
    "Softmax": "softmax",
    "LogSoftmax": "logsoftmax",
    "GELU": "gelu",
    "SiLU": "silu",
    "swish": "silu",
    "ELU": "elu",
    "LSE": "logsumexp",
    "LayerNorm": "layernorm",
    "LN": "layernorm",
    "RMSNorm": "rmsnorm",
    "sigm": "sigmoid",
    "Vec": "vec",
    "adj": "adjugate",
    "Det": "det",
    "chol": "cholesky",
    "eigvals": "eigvalsh",
    "eigvecs": "eigvecsh",
    "CE": "cross_entropy",
    "avg": "mean",
    "merge": "merge_heads",
    "split": "split_heads",
    "kronecker": "delta",
    "diagsums": "diagonal_sums",
    "normpdf": "normal_pdf",
    "normcdf": "normal_cdf",
    "khatrirao": "khatri_rao",
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
DERIVATIVES = {
    "sigmoid": "sigmoid(x) * (1 - sigmoid(x))",
    "tanh": "1 - tanh(x) ** 2",
    "relu": "where(x > 0, 1, 0)",
    "exp": "exp(x)",
    "log": "1 / x",
    "sin": "cos(x)",
    "cos": "-sin(x)",
    "sinh": "cosh(x)",
    "cosh": "sinh(x)",
    "softplus": "sigmoid(x)",
}

ENVIRONMENTS = frozenset(
    "align equation gather multline eqnarray displaymath math split aligned gathered flalign"
    " alignat alignedat dmath".split()
)
ALIGNED = ENVIRONMENTS - {"equation", "displaymath", "math", "dmath"}

# Macros that are known and have no reading here, with what to write instead.
REFUSED = {
    "mathbb{E}": "an expectation is no expression; write a mean: \\frac1n \\sum_i",
    "int": "an integral is no expression of matrices",
    "oint": "an integral is no expression of matrices",
    "lim": "a limit is no expression of matrices",
    "arg": "an arg max has no derivative",
    "argmax": "an arg max has no derivative",
    "argmin": "an arg min has no derivative",
    "sup": "write \\max of all entries",
    "inf": "write \\min of all entries",
    "pm": "one sign at a time: + or -",
    "mp": "one sign at a time: + or -",
    "dots": "write the sum out, or with an index: \\sum_i",
    "ldots": "write the sum out, or with an index: \\sum_i",
    "cdots": "write the sum out, or with an index: \\sum_i",
    "vdots": "write the sum out, or with an index: \\sum_i",
    "ddots": "write the sum out, or with an index: \\sum_i",
    "oplus": "a direct sum is not in the language",
    "bigoplus": "a direct sum is not in the language",
    "bigotimes": "write the Kronecker product of two: A \\otimes B",
    "wedge": "an exterior product is not in the language",
    "hadamard": "the entrywise product is \\odot",
    "approx": "a claim is an equation: =",
    "propto": "a claim is an equation: =",
    "equiv": "a claim is an equation: =",
    "sim": "a claim is an equation: =",
    "to": "a claim is an equation: =",
    "implies": "write one equation",
    "Rightarrow": "write one equation",
    "iff": "write one equation",
    "forall": "leave it out: a free index stands for every one",
    "exists": "a claim is an equation: =",
    "mathbb{R}": "a set is no matrix",
    "Re": "everything is real: leave it out",
    "Im": "everything is real",
    "conj": "everything is real: leave it out",
    "input": "files are not read: write the formula itself",
    "include": "files are not read: write the formula itself",
    "write": "commands are not run: write the formula itself",
    "def": "macros are not expanded: write the formula out",
    "newcommand": "macros are not expanded: write the formula out",
    "renewcommand": "macros are not expanded: write the formula out",
    "DeclareMathOperator": "macros are not expanded; \\operatorname{name} is read",
    "let": "macros are not expanded: write the formula out",
    "usepackage": "leave the preamble out: write the formula itself",
    "documentclass": "leave the preamble out: write the formula itself",
    "substack": "write several sums, each with one index",
    "binom": "a binomial is not in the language",
    "begin": "matrices are names; environments of equations only",
    "end": "it ends what was not begun",
    "middle": "write the parts of it on their own",
    "backslash": "write \\frac{a}{b}, or A^{-1} b",
    "setminus": "write A^{-1} b",
    "rank": "the rank has no derivative",
    "not": "write where(c > 0, a, b) in the language",
}
