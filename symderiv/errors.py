"""The errors of symderiv, for those who catch them.

>>> from symderiv.errors import ShapeError
>>> import symderiv as sd
>>> try:
...     sd.derive("A @ x", A="n, m", x="n")
... except ShapeError as error:
...     print(error.subject)
A is n x m and x is n x 1: m columns do not meet n rows
"""

from .core.errors import (
    AmbiguousShapeError,
    AmbiguousTextError,
    BudgetError,
    CheckError,
    DeclarationError,
    DisagreementError,
    IndexNameError,
    InputError,
    LanguageError,
    MissingRuleError,
    NoEntriesError,
    ParseError,
    ProblemFileError,
    RangeClashError,
    ShapeError,
    SymderivError,
    TooLargeError,
    UndefinedError,
    UnknownNameError,
    UnknownSizeError,
    UnsupportedError,
)

__all__ = [
    "AmbiguousShapeError",
    "AmbiguousTextError",
    "BudgetError",
    "CheckError",
    "DeclarationError",
    "DisagreementError",
    "IndexNameError",
    "InputError",
    "LanguageError",
    "MissingRuleError",
    "NoEntriesError",
    "ParseError",
    "ProblemFileError",
    "RangeClashError",
    "ShapeError",
    "SymderivError",
    "TooLargeError",
    "UndefinedError",
    "UnknownNameError",
    "UnknownSizeError",
    "UnsupportedError",
]
