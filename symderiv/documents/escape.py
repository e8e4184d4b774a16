"""Text that a user wrote (titles, names, sentences), made safe for each format.

Contract: total; what comes out prints as what went in, as far as the format's fonts have it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import groupby

from ..core.plaintext import visible
from ..notation.identifiers import GREEK_LATEX

_LATEX = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    '"': r"\textquotedbl{}",
    "‖": r"\(\Vert\)",
    "′": r"\('\)",
    "≤": r"\(\le\)",
    "≥": r"\(\ge\)",
    "≠": r"\(\ne\)",
    "×": r"\(\times\)",
    "·": r"\(\cdot\)",
    "⊙": r"\(\odot\)",
    "−": r"\(-\)",
    "±": r"\(\pm\)",
    "∂": r"\(\partial\)",
    "∑": r"\(\sum\)",
    "∈": r"\(\in\)",
    "→": r"\(\to\)",
    "⊤": r"\(\top\)",
    "√": r"\(\surd\)",
    "∞": r"\(\infty\)",
    "…": r"\ldots{}",
    "–": "--",
    "—": "---",
    "’": "'",
    "‘": "`",
    "“": "``",
    "”": "''",
    "ß": r"\ss{}",
    "ø": r"\o{}",
    "ł": r"\l{}",
}
_LATEX |= {char: f"\\{char}" for char in "_#$%&{}"}
# Letters that have a macro; the others look like Latin ones.
_LATEX |= {char: rf"\({macro}\)" for char, macro in GREEK_LATEX.items() if macro[1:].isalpha()}

# Latin, Greek, Cyrillic, punctuation, superscripts, arrows and mathematical signs.
_EMBEDDED = (
    (0x09, 0x0A),
    (0x20, 0x7E),
    (0xA0, 0x17F),
    (0x391, 0x3A1),
    (0x3A3, 0x3C9),
    (0x410, 0x44F),
    (0x2010, 0x2027),
    (0x2030, 0x203A),
    (0x2070, 0x2071),
    (0x2074, 0x208E),
    (0x20AC, 0x20AC),
    (0x2190, 0x2194),
    (0x2200, 0x2237),
    (0x2243, 0x2265),
    (0x2282, 0x2287),
    (0x2295, 0x2299),
    (0x22A4, 0x22A5),
)
_TYPST = re.compile(r"""[\\#$*_`<>@\[\]~=+/'"^{}|-]""")
_MARKDOWN = re.compile(r"[\\`*_\[\]#~{}!|]")
_OPENS = re.compile(r"^(?:(\d+)([.)])|([-+=])(?=[-+=\s]|$))")  # a list, a heading, a rule
_LISTED = re.compile(r"^(\(?(?:\d+|[A-Za-z]|[ivxlcdm]+|[IVXLCDM]+))([.)])(?=\s|$)|^()([:%])")
_SIGN = re.compile(r"""[\\`*_\[\]#~{}!|<>&$"']""")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_OPTION = re.compile(r"^\s*[\[*]")
_ENDS = re.compile(r"[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_BREAKS = re.compile(r"\s+")


def latex_text(text: str) -> str:
    r"""Return text for LaTeX.

    >>> latex_text("100% & x_1")
    '100\\% \\& x\\_1'
    """

    def written(part: str) -> str:
        return "".join(map(_latex_char, part))

    plain = _scripts(single_line(text), lambda x: rf"\textsuperscript{{{written(x)}}}", written)
    return _OPTION.sub(r"{}\g<0>", plain)  # behind \\ and \item an option could follow


def latex_typed(line: str) -> str:
    """Return a line of a listing for LaTeX, as it was typed.

    >>> latex_typed("a  b")
    'a~~b'
    """
    return "".join("~" if c == " " else _latex_char(c) for c in typed(line))


def typed(line: str) -> str:
    """Return a line of a listing with spaces for tabs, and escapes of what is invisible.

    >>> typed("ab" + chr(9) + "c")
    'ab  c'
    """
    return _ENDS.sub(" ", visible(line.expandtabs(4)))


def printable(text: str) -> str:
    """Return text in the characters that the embedded fonts have; others by code point.

    >>> printable("naïve 中")
    'naïve U+4E2D'
    """
    return "".join(map(_printable_char, text))


def _printable_char(char: str) -> str:
    if _is_embedded(char):
        return char
    raised = _lowered(char)
    return f"^{raised}" if raised != char else f"U+{ord(char):04X}"


def _lowered(char: str) -> str:
    """Return what a raised character raises; any other as it is."""
    mark, *codes = unicodedata.decomposition(char).split(" ")
    return chr(int(codes[0], 16)) if mark == "<super>" and len(codes) == 1 else char


def _scripts(text: str, raised: Callable[[str], str], other: Callable[[str], str]) -> str:
    """Return text with every run of raised characters written by one function, the rest by another.

    A raised T is a transpose.
    """
    found = []
    for is_raised, run in groupby(text, lambda c: _lowered(c) != c):
        plain = "".join(run)
        if is_raised:
            found.append(raised("".join(map(_lowered, plain)).replace("T", "⊤")))
        else:
            found.append(other(plain))
    return "".join(found)


def _is_embedded(char: str) -> bool:
    return any(first <= ord(char) <= last for first, last in _EMBEDDED)


def _latex_char(char: str) -> str:
    if char in _LATEX:
        return _LATEX[char]
    if char.isascii():
        return char
    base = unicodedata.normalize("NFKD", char)
    is_latin = base[0].isascii() and base[0].isalpha() and ord(char) < 0x180
    if is_latin and len(base) == 2 and unicodedata.combining(base[1]):
        return char  # with an accent: T1 has it
    # A wide or a small form of an ASCII character is that character, and escaped as it is.
    plain = "".join(_LATEX.get(c, c) for c in base if c.isascii())
    return plain or f"U+{ord(char):04X}"


def typst_text(text: str) -> str:
    r"""Return text for Typst markup.

    >>> typst_text("#1 *b*")
    '\\#1 \\*b\\*'
    """

    def written(part: str) -> str:
        return _TYPST.sub(r"\\\g<0>", printable(part))

    # The semicolon ends the call: a parenthesis may follow.
    escaped = _scripts(single_line(text), lambda x: f"#super[{written(x)}];", written)
    return re.sub(r"^(\d+)\.", r"\1\\.", escaped).replace("...", r"\...")


def typst_string(text: str) -> str:
    """Return a Typst string literal.

    >>> typst_string('say "x"')
    '"say \\\\"x\\\\""'
    """
    body = printable(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{body}"'


def markdown_text(text: str) -> str:
    r"""Return text for GitHub's Markdown, on one line.

    >>> markdown_text("a|b <c> $x$")
    'a\\|b &lt;c&gt; <span>$</span>x<span>$</span>'
    """
    plain = single_line(text).replace("&", "&amp;")
    plain = _MARKDOWN.sub(r"\\\g<0>", plain)
    plain = plain.replace("<", "&lt;").replace(">", "&gt;")
    # GitHub takes a dollar sign, escaped or not, for mathematics; not inside a tag of its own.
    plain = plain.replace("$", "<span>$</span>")
    return _OPENS.sub(lambda m: f"{m[1] or ''}\\{m[2] or m[3]}", plain)


def portable_text(text: str) -> str:
    r"""Return text for the Markdown of notebooks and of Pandoc, on one line.

    What could open mathematics, also in the page that a renderer makes, stands alone in a tag.

    >>> portable_text("(a) x^2 @y for $5")
    '(a&#41; x&#94;2 &#64;y for <span>&#36;</span>5'
    """
    plain = markdown_text(text).replace("<span>$</span>", "<span>&#36;</span>")
    plain = plain.replace("\\\\", "<span>&#92;</span>")
    plain = plain.replace("^", "&#94;").replace("@", "&#64;")
    plain = plain.replace("://", "&#58;//").replace("www.", "www&#46;")  # no link by itself
    # Pandoc numbers lists with letters, too; a colon opens a definition, a percent sign a title.
    return _LISTED.sub(lambda m: f"{m[1] or m[3] or ''}&#{ord(m[2] or m[4])};", plain)


def markdown_code(text: str) -> str:
    """Return inline code for Markdown; a fence longer than any run of backticks inside.

    >>> markdown_code("a|b")
    '<code>a&#124;b</code>'
    """
    plain = single_line(text).strip()
    if not set(plain) & set("`|"):
        return f"`{plain}`" if plain else ""
    # Inside the tag the rest of Markdown holds, so that every sign of it is an entity.
    return f"<code>{_SIGN.sub(lambda m: _ENTITIES.get(m[0], f'&#{ord(m[0])};'), plain)}</code>"


def single_line(text: str) -> str:
    """Return text without line breaks and control characters."""
    clean = "".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return _BREAKS.sub(" ", clean)
