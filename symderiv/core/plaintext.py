"""Takes any text or data; returns it as terminals and JSON show it, what is invisible escaped."""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

# Control characters but for line breaks and tabs, format characters (among them those that turn
# the direction of text), halves of characters, private and unassigned ones.
_INVISIBLE = re.compile(
    "["
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u180e\u200b-\u200f"
    r"\u2028-\u202e\u2060-\u206f\ud800-\udfff\ue000-\uf8ff\ufdd0-\ufdef\ufeff\ufff0-\ufffb\ufffe\uffff"
    r"\U000e0000-\U0010ffff"
    "]"
)
_SHOWN = 40  # characters of a refused text that its error repeats


def visible(text: str) -> str:
    r"""Return a text without characters that move, hide or reorder others: each as its escape.

    >>> visible("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return _INVISIBLE.sub(lambda m: m[0].encode("unicode_escape", "surrogatepass").decode(), text)


def on_one_line(text: str) -> str:
    """Return a sentence for a line of a terminal.

    >>> on_one_line("a\\n b")
    'a b'
    """
    return visible(" ".join(text.split()))


def json_text(data: object, *, ascii_only: bool = False) -> str:
    r"""Return data as JSON, as people read it; what is invisible in it is escaped.

    >>> print(json_text({"title": "\u202e"}))
    {
      "title": "\u202e"
    }
    """
    text = json.dumps(data, indent=2, ensure_ascii=ascii_only)
    return _INVISIBLE.sub(lambda m: "\\u007f" if m[0] == "\x7f" else json.dumps(m[0])[1:-1], text)


def shortened(value: object) -> str:
    """Return a value as an error shows it: on one line, not longer than a few words.

    >>> shortened("a" * 100)
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa..'"
    """
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}..")
    if isinstance(value, int | float | bool) or value is None:
        return str(value)[: _SHOWN + 2]
    return f"a {type(value).__name__}"


_STYLED = re.compile(r"\x1b\[\d+m")
_STYLES = {"bold": 1, "dim": 2, "red": 31, "green": 32, "cyan": 36}


def styled(text: str, *styles: str) -> str:
    """Return text in a colour, bold or dim, for a terminal.

    >>> styled("right", "green", "bold")
    '\\x1b[32m\\x1b[1mright\\x1b[0m'
    """
    return "".join(f"\x1b[{_STYLES[s]}m" for s in styles) + f"{text}\x1b[0m"


def unstyled(text: str) -> str:
    """Return text without the colours that ``styled`` gave it.

    >>> unstyled(styled("right", "green", "bold"))
    'right'
    """
    return _STYLED.sub("", text)


class Readable:
    """What reads at a prompt as it does on a terminal: its lines, without colours."""

    __slots__ = ()

    def told(self) -> list[str]:
        """Return it as lines for a terminal."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return visible(unstyled("\n".join(self.told()))).strip("\n")

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Print it so in IPython, which has its own way for sequences and mappings."""
        printer.text("..." if cycle else repr(self))

    def _repr_html_(self) -> str:
        """Return the lines as preformatted text with their colours."""
        shown = visible("\n".join(self.told()).strip("\n").replace("\x1b", _MARK))
        return f"<pre>{_elements(shown)}</pre>"


_MARK = "\ufdd0"  # no character of any text: it stands for the escape of a colour
_MARKED = re.compile(r"\\ufdd0\[(0|1|2|31|32|36)m")
_HTML = {1: "font-weight:bold", 2: "opacity:.75", 31: "color:#b3261e", 32: "color:#1a7f37"}
_HTML[36] = "color:#0b62a4"


def _elements(shown: str) -> str:
    """Return text with spans for its colours, everything else escaped."""
    parts = _MARKED.split(escape(shown, quote=False))
    found, open_ = [parts[0]], 0
    for code, text in zip(parts[1::2], parts[2::2], strict=True):
        if code == "0":
            found.append("</span>" * open_)
            open_ = 0
        else:
            found.append(f'<span style="{_HTML[int(code)]}">')
            open_ += 1
        found.append(text)
    return "".join(found) + "</span>" * open_
