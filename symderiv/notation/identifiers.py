"""How an identifier is typeset: ``x_hat``, ``W1``, ``lam``, ``dZ`` -> letter, accent, index.

Purpose: the one place that reads names, so that every printer agrees on what a name looks like.
Contract: total (any non-empty string is a name), pure and deterministic; what a name does not say
by convention stays a whole word. Must not know any output format beyond the Greek table, nor what
the name stands for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from symderiv.notation.math import Math, Num, Op, Sym, Word, row

GREEK: dict[str, tuple[str, str]] = {
    "alpha": ("α", r"\alpha"),
    "beta": ("β", r"\beta"),
    "gamma": ("γ", r"\gamma"),
    "delta": ("δ", r"\delta"),
    "epsilon": ("ε", r"\varepsilon"),
    "zeta": ("ζ", r"\zeta"),
    "eta": ("η", r"\eta"),
    "theta": ("θ", r"\theta"),
    "iota": ("ι", r"\iota"),
    "kappa": ("κ", r"\kappa"),
    "lambda": ("λ", r"\lambda"),
    "mu": ("μ", r"\mu"),
    "nu": ("ν", r"\nu"),
    "xi": ("ξ", r"\xi"),
    "omicron": ("ο", "o"),
    "pi": ("π", r"\pi"),
    "rho": ("ρ", r"\rho"),
    "sigma": ("σ", r"\sigma"),
    "tau": ("τ", r"\tau"),
    "upsilon": ("υ", r"\upsilon"),
    "phi": ("φ", r"\varphi"),
    "chi": ("χ", r"\chi"),
    "psi": ("ψ", r"\psi"),
    "omega": ("ω", r"\omega"),
    "ell": ("ℓ", r"\ell"),
    "Alpha": ("Α", r"\mathrm{A}"),
    "Beta": ("Β", r"\mathrm{B}"),
    "Gamma": ("Γ", r"\Gamma"),
    "Delta": ("Δ", r"\Delta"),
    "Epsilon": ("Ε", r"\mathrm{E}"),
    "Zeta": ("Ζ", r"\mathrm{Z}"),
    "Eta": ("Η", r"\mathrm{H}"),
    "Theta": ("Θ", r"\Theta"),
    "Iota": ("Ι", r"\mathrm{I}"),
    "Kappa": ("Κ", r"\mathrm{K}"),
    "Lambda": ("Λ", r"\Lambda"),
    "Mu": ("Μ", r"\mathrm{M}"),
    "Nu": ("Ν", r"\mathrm{N}"),
    "Xi": ("Ξ", r"\Xi"),
    "Omicron": ("Ο", r"\mathrm{O}"),
    "Pi": ("Π", r"\Pi"),
    "Rho": ("Ρ", r"\mathrm{P}"),
    "Sigma": ("Σ", r"\Sigma"),
    "Tau": ("Τ", r"\mathrm{T}"),
    "Upsilon": ("Υ", r"\Upsilon"),
    "Phi": ("Φ", r"\Phi"),
    "Chi": ("Χ", r"\mathrm{X}"),
    "Psi": ("Ψ", r"\Psi"),
    "Omega": ("Ω", r"\Omega"),
}
GREEK_LATEX = dict(GREEK.values())
GREEK_NAMES = {char: name for name, (char, _) in GREEK.items()}

_SHORT = {"lam": "lambda", "lamda": "lambda", "lmbda": "lambda", "eps": "epsilon"}
_SHORT |= {f"var{g}": g for g in ("epsilon", "theta", "phi", "rho", "sigma", "pi", "kappa")}
_LETTERS = {name: letter[0] for name, letter in GREEK.items()}
_LETTERS |= {short: _LETTERS[full] for short, full in _SHORT.items()}
_CONSTANTS = {"ones": "1", "zeros": "0", "eye": "I"}

ACCENTS = ("hat", "bar", "tilde", "dot", "ddot", "vec")
_MARKS = {"star": "⋆", "prime": "′"}

# Short words that would otherwise be read as a letter with an index (``in`` is not i sub n).
_WORDS = (
    "as at by do id if in is it lr no of ok on or so to up us we acc all any arr avg bag cat col"
    " cos cov dat den det dim end err exp gap img inf inv ion key lhs log map mat max min neg net"
    " new nrm nll num obs old one out pad pos ptr rad ref rhs row seq sgn sin sqr src std str sub"
    " sum sup tan tgt tmp tot two val var vec bit box set sym top del div mod not and"
)
_WHOLE = frozenset(_WORDS.split())
_INDEXED = re.compile(
    r"(?P<letter>[A-Z](?=[a-z]{1,2}\d*$|out\d*$)|[a-z](?=[a-z]\d*$|[^aeiou\d\W_A-Z]{2}\d*$)"
    r"|[Wb](?=[QKVO]\d*$))(?P<sub>[A-Za-z]{1,3})(?P<digits>\d*)"
)
_NUMBERED = re.compile(r"(?P<stem>\D+)(?P<digits>\d+)")
_ACCENTED = re.compile(rf"(?P<stem>.+?)(?P<accent>{'|'.join(reversed(ACCENTS))})")
_DIFFERENTIAL = re.compile(r"d(?P<of>[A-Z].*|[xyzwbtus]\d*)")
_INDEX_LETTERS = frozenset("ijklmnpq")
_EXPONENT = re.compile(r"(?P<digits>[\d.]+)[eE](?P<sign>[+-]?)0*(?P<power>\d+)")


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier, read: ``core`` is one letter (Unicode) or a whole word.

    ``prefix`` is ``"d"`` for a differential; ``sub`` and ``sup`` are what the name itself carries.
    ``bold`` is set for constants such as the all-ones vector.
    """

    core: str
    accent: str = ""
    sub: Math | None = None
    sup: Math | None = None
    prefix: str = ""
    bold: bool = False

    @property
    def is_word(self) -> bool:
        """Whether the core has more than one letter."""
        return len(self.core) > 1


@lru_cache(maxsize=4096)
def read_name(name: str) -> Name:
    """Return how a person would typeset an identifier.

    >>> read_name("x_hat").core, read_name("x_hat").accent
    ('x', 'hat')
    >>> read_name("Wq").core, read_name("Wq").sub.name
    ('W', 'q')
    >>> read_name("lambda_").core, read_name("batch_size").core, read_name("in").core
    ('λ', 'batch_size', 'in')
    """
    pieces = [piece for piece in name.split("_") if piece]
    if not pieces:
        return Name(name)
    first, *rest = pieces
    head = _head(first)
    while rest and head.is_word and _is_plain_word(rest[0]):
        # Snake case of whole words is one word: batch_size is not batch with an index.
        head = replace(head, core=f"{head.core}_{rest.pop(0)}")
    indices = [head.sub] if head.sub is not None else []
    for piece in rest:
        if piece in ACCENTS and not head.accent:
            head = replace(head, accent=piece)
        elif piece in _MARKS:
            mark = Word(_MARKS[piece], function=False)
            head = replace(head, sup=mark if head.sup is None else row(head.sup, mark))
        else:
            indices.append(_index(piece))
    return replace(head, sub=_joined(indices))


def name_of(symbol: Sym) -> Name:
    """Return how a symbol is typeset: by the conventions of names, or as it is spelled."""
    return Name(symbol.name) if symbol.spelled else read_name(symbol.name)


@lru_cache(maxsize=256)
def spelled_out(names: tuple[str, ...]) -> frozenset[str]:
    """Return the names that would look like another one, and so are printed as they are spelled.

    Of those that look alike one keeps its looks: a letter, else what is written with its index.

    >>> sorted(spelled_out(("W1", "W_1", "alpha_", "alpha", "X")))
    ['W1', 'alpha_']
    """
    shown: dict[object, str] = {}
    found: set[str] = set()
    for name in sorted(names, key=_rank):
        look = _look(name)
        if shown.setdefault(look, name) != name:
            found.add(name)
    return frozenset(found)


def _rank(name: str) -> tuple[bool, bool, bool]:
    return len(name) > 1, name not in GREEK, "_" not in name.strip("_")


def _look(name: str) -> object:
    read = read_name(name)
    core = GREEK_LATEX.get(read.core, read.core)
    letters = [
        "" if x is None else "".join(map(_letters_of, getattr(x, "items", (x,))))
        for x in (read.sub, read.sup)
    ]
    return (read.prefix, core, read.accent, *letters)


def _letters_of(script: Math) -> str:
    """Return what a part of a script looks like: an index and a word of one letter are alike."""
    text = getattr(script, "text", "") or getattr(script, "name", "")  # a comma is no letter
    return _LETTERS.get(text, text)


def scientific(text: str) -> tuple[str, str] | None:
    """Return the digits and the power of ten of a number such as ``1e-05``, if it has one.

    >>> scientific("1e-05"), scientific("0.5")
    (('1', '-5'), None)
    """
    match = _EXPONENT.fullmatch(text)
    if match is None:
        return None
    return match["digits"], ("-" if match["sign"] == "-" else "") + match["power"]


def _head(piece: str) -> Name:
    """Read the first piece of a name: everything before the first underscore."""
    simple = _letter(piece)
    if simple is not None:
        return simple
    if match := _DIFFERENTIAL.fullmatch(piece):
        return replace(_head(match["of"]), prefix="d")
    if piece[0] == "d" and piece[1:] in _LETTERS:
        return Name(_LETTERS[piece[1:]], prefix="d")
    if (match := _ACCENTED.fullmatch(piece)) and (stem := _letter(match["stem"])):
        return replace(stem, accent=match["accent"])
    if (match := _NUMBERED.fullmatch(piece)) and match["stem"].isalpha():
        stem = _letter(match["stem"])
        if stem is not None:
            return replace(stem, sub=Num(match["digits"]))
    if piece.lower() not in _WHOLE and (match := _INDEXED.fullmatch(piece)):
        index = _index(match["sub"])
        digits = [Num(match["digits"])] if match["digits"] else []
        return Name(match["letter"], sub=row(index, *digits))
    return Name(piece)


def _letter(piece: str) -> Name | None:
    """Read a single letter, a Greek letter by name, or a conventional constant."""
    if piece in _CONSTANTS:
        return Name(_CONSTANTS[piece], bold=_CONSTANTS[piece].isdigit())
    if piece in _LETTERS:
        return Name(_LETTERS[piece])
    return Name(piece) if len(piece) == 1 else None


def _is_plain_word(piece: str) -> bool:
    return piece not in ACCENTS and piece not in _MARKS and _head(piece).is_word


def _index(piece: str) -> Math:
    """Read what follows an underscore: a number, a letter, letters side by side, or a word."""
    if piece.isdigit():
        return Num(piece)
    if len(piece) == 1 or piece in _LETTERS:
        return Sym(piece)
    if len(piece) <= 3 and piece not in _WHOLE and set(piece) <= _INDEX_LETTERS:
        return row(*(Sym(letter) for letter in piece))
    if (match := _NUMBERED.fullmatch(piece)) and len(match["stem"]) == 1:
        return row(Sym(match["stem"]), Num(match["digits"]))
    return Word(piece, function=False)


def _joined(indices: list[Math]) -> Math | None:
    parts: list[Math] = []
    for index in indices:
        parts += [Op(","), index] if parts else [index]
    return row(*parts) if parts else None
