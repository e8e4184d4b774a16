"""The colours of documents: one role per object all through, defined once for all formats.

Every colour has a contrast of at least 4.5 to 1 on white and on the tint of the result box.
"""

from __future__ import annotations

from ..notation.math import WRONG

INPUT = "input"  # what the first result multiplies the cotangent by
COTANGENT = "cotangent"  # given gradients and those of intermediates
DELTA = "delta"  # Kronecker deltas
NOTE = "note"  # shapes below symbols
SLICES = ("slice1", "slice2", "slice3", "slice4")  # values of the summed index

COLORS: dict[str, str] = {
    INPUT: "#0b62a4",
    COTANGENT: "#b0480b",
    DELTA: "#6b6f76",
    NOTE: "#5f6670",
    WRONG: "#b3261e",
    "slice1": "#0f766e",
    "slice2": "#8a1fb0",
    "slice3": "#9a5b00",
    "slice4": "#1f4fa8",
}
COLOR_WORDS: dict[str, str] = {
    "slice1": "green",
    "slice2": "violet",
    "slice3": "brown",
    "slice4": "blue",
}

INK = "#1b1f24"
MUTED = "#5f6670"
RULE = "#c9ced6"
PANEL = "#f2f6fb"
ACCENT = "#0b62a4"
MARK = "#b8c7d6"

PAGE: dict[str, str] = {
    "ink": INK,
    "muted": MUTED,
    "rule": RULE,
    "panel": PANEL,
    "accent": ACCENT,
    "mark": MARK,
}


# On dark pages: the same roles, as far from the page as on light ones.
NIGHT: dict[str, str] = {
    "paper": "#14181d",
    "ink": "#e6e9ee",
    "muted": "#a4acb8",
    "rule": "#4a525e",
    "panel": "#1d242d",
    "accent": "#7dbdf0",
    "mark": "#4a5a6e",
}
NIGHT_COLORS: dict[str, str] = {
    INPUT: "#7dbdf0",
    COTANGENT: "#f0a063",
    DELTA: "#a4acb8",
    NOTE: "#a4acb8",
    WRONG: "#ff8f85",
    "slice1": "#4fd1c5",
    "slice2": "#d69bf0",
    "slice3": "#e3b063",
    "slice4": "#93b6ff",
}


def contrast(foreground: str, background: str = "#ffffff") -> float:
    """Return the WCAG 2 contrast ratio of two colours.

    >>> round(contrast("#000000"))
    21
    """
    light, dark = sorted((_luminance(foreground), _luminance(background)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(color: str) -> float:
    channels = (int(color[k : k + 2], 16) / 255 for k in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
