"""Texts that try to leave the place where they stand, and fields that take texts."""

from collections.abc import Callable
from typing import Any

import symderiv as sd
from symderiv.problems import ClaimText
from symderiv.problems.declarations import Declarations
from symderiv.problems.problem import build

PAYLOAD = '__import__("os").system("touch pwned")'

TEXTS = {
    "quotes": "it's \"quoted\", 'twice', ``thrice``",
    "docstring": f'""" + str({PAYLOAD}) + """',
    "docstring-start": f'"""\n{PAYLOAD}\n"""',
    "apostrophes": f"''' + str({PAYLOAD}) + '''",
    "quote-last": 'ends with "',
    "three-quotes": '"""',
    "four-quotes": '""""',
    "backslash-last": "ends with \\",
    "backslash-quote": '\\"""\\',
    "comment": f"# x\n{PAYLOAD}  # y",
    "string-format": "{0.__class__} %s %(x)s {module} {{sizes}} ${HOME}",
    "jinja": "{{ 7 * 7 }} {% include '/etc/passwd' %} {# x #} << 7 * 7 >> <% raw %> <# x #>",
    "latex-input": "\\input{/etc/passwd} \\include{x} \\openin5=x",
    "latex-write": "\\immediate\\write18{touch pwned} \\catcode`\\@=11 \\def\\x{y}",
    "latex-math": "$\\frac{1}{2}$ $$ \\] \\) \\end{document} \\begin{verbatim} ^^5cinput x ~&%",
    "latex-wide": "＼input｛/etc/passwd｝ ﹨write18｛x｝ ＄ ％ ＃ ＆ ＿ ＾ ～",
    "latex-option": "[1cm] * item ]",
    "typst-read": '#read("/etc/passwd") #eval("1") #import "x" #include "y" #{1} $x$ @ref <label>',
    "typst-string": '"] #read("x") [" \\u{41} // c /* d */ - e\n= f',
    "html": "<script>alert(1)</script> <img src=x onerror=alert(1)> &lt; </title></svg>",
    "html-comment": "<!-- --> --> <![CDATA[ ]]> <?xml ?>",
    "markdown-link": "[x](javascript:alert(1)) ![y](http://a/b) <javascript:alert(1)> [z]: http://a",
    "markdown-code": "`a` ``` b\n```\n| c | d |\n|--|--|\n# e\n- f\n1. g\n> h\n***",
    "javascript": "javascript:alert(1) `|[x](javascript:alert(1))",
    "newlines": "one\ntwo\r\nthree\rfour\x0bfive\x0csix\x85seven\u2028eight\u2029nine",
    "nul": "a\0b \x01\x02\x1f\x7f\x80\x9f",
    "terminal": "\x1b[2J\x1b]0;title\x07\x9b31m\x08\x08",
    "bidi": "a\u202eb\u202d\u2066c\u2069\u200f\u200e\u061c d",
    "invisible": "\ufeff\u200b\u200d\u2060\xad a \U000e0041",
    "surrogate": "a \ud800 b",
    "shell": "; rm -rf $(pwd) `id` && x | y > z & $HOME \\$PATH ~ * ? !!",
    "comment-ends": "*/ --> ]]> %} }} #} '\" ?> -->",
    "scipy": "scipy.os.system( np.load( import os",
    "signs": "™ ℠ ﬁ ½ ² ₁ Ⅷ ｱ ŀ ŉ 中 🙂",
    "braces": "}}}{{{ )( ][",
}

PLAIN = "a plain text"

# Each takes a text and gives the arguments of ``problem`` that hold it.
FIELDS: dict[str, Callable[[str], dict[str, Any]]] = {
    "title": lambda t: {"title": t},
    "question": lambda t: {"question": t},
    "source": lambda t: {"source_note": t},
    "meaning": lambda t: {"meanings": {"X": t}},
    "meaning-of-definition": lambda t: {"meanings": {"Z": t}},
    "meaning-of-gradient": lambda t: {"meanings": {"G": t}},
    "claim-question": lambda t: {"claims": (ClaimText("dL/dW", ("X.T @ G",), t),)},
}

# What can be no name, be it a path, code, or a module of Python.
NAMES = (
    *("", " ", "...", ".", "..", "../../evil", "/abs/path", "a/b", "a\\b", "C:evil", "~", "-rf"),
    *("import os", "a b;rm $(pwd)", "1abc", "a\nb", "a\0b", "a.b", "é", "a\u202eb", "{{ 7 }}"),
    *("G=__import__('os')", "x, y", "x)", "*", "lambda", "__class__", "a" * 300, '"""', "\ud800"),
)
MODULES = ("numpy", "os", "pytest", "conftest", "typing", "NumPy", "import", "class")


def posed(text: str, *fields: str) -> sd.Problem:
    """Return a small problem with a definition that holds a text in some fields, or in all."""
    options: dict[str, Any] = {"meanings": {}}
    for name in fields or FIELDS:
        found = FIELDS[name](text)
        options["meanings"] |= found.pop("meanings", {})
        options |= found
    declared = Declarations()
    declared.declare("X", "n, d", options["meanings"].get("X", ""))
    declared.declare("W", "d, m")
    return build("Z = X @ W; L(Z)", declared, **options)
