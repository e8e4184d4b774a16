r"""A graph as SVG, LaTeX and Typst.

Contract: the same graph gives the same text; every name is escaped. LaTeX needs graphicx, xcolor
and the picture environment only: a slanted line is a level one, turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import atan2, degrees, hypot
from xml.sax.saxutils import escape

from ..notation.identifiers import name_of
from ..notation.latex import latex
from ..notation.math import Math, Op, Row, Sym, Word
from ..notation.typst import typst
from ..notation.unicode import unicode
from ..notation.words import words
from .escape import printable, typst_string
from .graph import ComputationGraph
from .graphscene import HEAD, HIGH, LEGIBLE, PITCH, Frame, Label, Scene, Stroke, depth, scene_of
from .theme import COLORS, COTANGENT, INPUT, NIGHT, NIGHT_COLORS, PAGE

_INK = {**PAGE, **COLORS}
_DARK = {
    **{n: NIGHT[n] for n in ("ink", "muted", "rule")},
    **{n: NIGHT_COLORS[n] for n in (INPUT, COTANGENT)},
}
_PAPER, _NIGHT = "#ffffff", NIGHT["paper"]
_FONT = "'STIX Two Text', 'Latin Modern Roman', 'Cambria', 'Times New Roman', serif"
_THIN = 0.55
_ROOT = "http://www.w3.org/2000/svg"


@dataclass(frozen=True)
class GraphPicture:
    """A graph, to be drawn in three formats."""

    graph: ComputationGraph

    @cached_property
    def scene(self) -> Scene:
        """Return the lines, boxes and labels at their places."""
        return scene_of(self.graph)

    @property
    def legible(self) -> bool:
        """Whether it fits a page of a document at a size that can be read."""
        # A tall one is not laid out only to be refused.
        return depth(self.graph) * PITCH * LEGIBLE <= HIGH and self.scene.scale >= LEGIBLE

    def svg(self) -> str:
        """Return it as a file for the web, readable on light and dark pages."""
        return _svg(self.scene, f"Computation graph: {self.graph.title}", self.graph.alt)

    def latex(self) -> str:
        r"""Return it as a ``picture`` for a document that loads graphicx and xcolor."""
        return _latex(self.scene)

    def typst(self) -> str:
        """Return it as Typst content; it needs no package."""
        return _typst(self.scene, self.graph.alt)

    def _repr_svg_(self) -> str:
        return self.svg()


# -- SVG ------------------------------------------------------------------------------------------


def _svg(scene: Scene, title: str, alt: str) -> str:
    m = 8.0
    w, h = scene.width + 2 * m, scene.height + 2 * m
    lines = [
        f'<svg xmlns="{_ROOT}" role="img" aria-labelledby="title desc" '
        f'width="{w * 1.4:g}" height="{h * 1.4:g}" viewBox="{-m:g} {-m:g} {w:g} {h:g}">',
        f'<title id="title">{escape(printable(title))}</title>',
        f'<desc id="desc">{escape(printable(alt))}</desc>',
        f"<style>{_style()}</style>",
        f'<rect class="paper" x="{-m:g}" y="{-m:g}" width="{w:g}" height="{h:g}" rx="4"/>',
    ]
    lines += [_svg_frame(f) for f in scene.frames]
    for s in scene.strokes:
        lines += _svg_stroke(s)
    lines += [_svg_label(x) for x in scene.labels]
    return "\n".join([*lines, "</svg>", ""])


def _style() -> str:
    def rules(colors: dict[str, str], paper: str) -> str:
        found = [f".paper{{fill:{paper}}}"]
        for role in _DARK:
            found.append(f".s-{role}{{stroke:{colors[role]}}}.f-{role}{{fill:{colors[role]}}}")
        return "".join(found)

    shared = f"text{{font-family:{_FONT}}}rect,polyline{{fill:none;stroke-width:{_THIN}}}"
    dark = f"@media(prefers-color-scheme:dark){{{rules(_DARK, _NIGHT)}}}"
    return shared + rules(_INK, _PAPER) + dark


def _svg_frame(f: Frame) -> str:
    return (
        f'<rect class="s-{f.role}" x="{f.x:g}" y="{f.y:g}" width="{f.width:g}" '
        f'height="{f.height:g}" rx="2.5"/>'
    )


def _svg_stroke(s: Stroke) -> list[str]:
    def places(points: tuple[tuple[float, float], ...]) -> str:
        return " ".join(f"{x:g},{y:g}" for x, y in points)

    role = s.role
    found = [f'<polyline class="s-{role}" points="{places(_to_head(s))}"/>']
    if s.head:
        found.append(f'<polygon class="f-{role}" points="{places(s.triangle)}"/>')
    return found


def _to_head(s: Stroke) -> tuple[tuple[float, float], ...]:
    """Return the points of a line that ends where its head begins."""
    if not s.head:
        return s.points
    (x, y), (u, v) = s.points[-1], s.pointing
    return (*s.points[:-1], (round(x - HEAD * u * 0.8, 2), round(y - HEAD * v * 0.8, 2)))


def _svg_label(x: Label) -> str:
    spans, low = [], 0.0
    for text, look, level in _runs(x.text, 0):
        here = -level * 0.24 * x.size
        small = f' font-size="{0.72 * x.size:g}"' if level else ""
        moved = f' dy="{here - low:g}"' if here != low else ""
        spans.append(f"<tspan{_LOOKS[look]}{small}{moved}>{escape(printable(text))}</tspan>")
        low = here
    return (
        f'<text class="f-{x.role}" x="{x.x:g}" y="{x.y:g}" font-size="{x.size:g}" '
        f'text-anchor="{x.anchor}">{"".join(spans)}</text>'
    )


_LOOKS = {"": "", "italic": ' font-style="italic"', "bold": ' font-weight="bold"'}


def _runs(math: Math, level: int) -> list[tuple[str, str, int]]:
    """Return a formula in pieces of one height: text, how it looks, and -1, 0 or 1."""
    if isinstance(math, Row):
        return [r for x in math.items for r in _runs(x, level)]
    if isinstance(math, Op):
        return [(", " if math.char == "," and not level else math.char, "", level)]
    if isinstance(math, Word):
        return [(math.text, "", level)]
    if isinstance(math, Sym) and not name_of(math).accent:
        name = name_of(math)
        found = [(name.prefix, "", level)] if name.prefix else []
        found.append((name.core, "bold" if math.bold or name.bold else "italic", level))
        found += _runs(name.sub, -1) if name.sub is not None else []
        return found + (_runs(name.sup, 1) if name.sup is not None else [])
    return [(unicode(math), "italic" if isinstance(math, Sym) else "", level)]


# -- LaTeX ----------------------------------------------------------------------------------------


def _latex(scene: Scene) -> str:
    high = scene.height
    lines = [
        rf"\scalebox{{{scene.scale:g}}}{{\setlength\unitlength{{1bp}}%",
        rf"\begin{{picture}}({scene.width:g},{high:g})\linethickness{{{_THIN}bp}}%",
    ]
    for f in scene.frames:
        box = rf"\framebox({f.width:g},{f.height:g}){{}}"
        lines.append(_put(f.x, high - f.y - f.height, _tinted(f.role, box)))
    for s in scene.strokes:
        lines += _latex_stroke(s, high)
    lines += [_latex_label(x, high) for x in scene.labels]
    return "\n".join([*lines, r"\end{picture}}"])


def _put(x: float, y: float, what: str) -> str:
    return rf"\put({x:.2f},{y:.2f}){{{what}}}%"


def _tinted(role: str, what: str) -> str:
    return rf"\color[HTML]{{{_INK[role][1:].upper()}}}{what}"


def _latex_stroke(s: Stroke, high: float) -> list[str]:
    found = []
    for (a, b), (x, y) in pairwise(_to_head(s)):
        length = hypot(x - a, y - b)
        line = rf"\line(1,0){{{length:.2f}}}"
        if a == x:
            line = rf"\line(0,{'1' if y < b else '-1'}){{{length:.2f}}}"
        elif b != y or x < a:
            inner = rf"\begin{{picture}}(0,0)\put(0,0){{{line}}}\end{{picture}}"
            line = rf"\rotatebox{{{degrees(atan2(b - y, x - a)):.3f}}}{{{inner}}}"
        found.append(_put(a, high - b, _tinted(s.role, line)))
    if s.head:
        (x, y), (u, v) = s.points[-1], s.pointing
        found.append(_put(x, high - y, _tinted(s.role, rf"\vector({u:g},{-v:g}){{0}}")))
    return found


def _latex_label(x: Label, high: float) -> str:
    side = {"start": "[lb]", "middle": "[b]", "end": "[rb]"}[x.anchor]
    size = rf"\fontsize{{{x.size:g}bp}}{{{x.size:g}bp}}\selectfont"
    text = rf"\makebox(0,0){side}{{{size}\smash{{${latex(x.text)}$}}}}"
    return _put(x.x, high - x.y, _tinted(x.role, text))


# -- Typst ----------------------------------------------------------------------------------------

_TYPST = """\
  let at(x, y, what) = place(top + left, dx: x * 1pt, dy: y * 1pt, what)
  let line-of(color, ..p) = place(top + left, curve(stroke: (paint: color, thickness: THIN), \
curve.move(p.pos().first()), ..p.pos().slice(1).map(x => curve.line(x))))
  let head-of(color, ..p) = place(top + left, polygon(fill: color, ..p.pos()))
  let label-of(x, y, side, size, color, alt, body) = context {
    let what = text(size: size * 1pt, fill: color, box(height: 14pt, baseline: 5pt) + \
math.equation(alt: alt, body))
    let wide = measure(what).width
    let back = if side == "end" { wide } else if side == "middle" { wide / 2 } else { 0pt }
    place(top + left, dx: x * 1pt - back, dy: y * 1pt - 9pt, what)
  }"""


def _typst(scene: Scene, alt: str) -> str:
    """Return the figure; a strut of known height puts every label on its baseline."""
    lines = [
        f"#figure(alt: {typst_string(alt)}, kind: image, outlined: false, numbering: none, "
        f"supplement: none, scale({scene.scale * 100:g}%, reflow: true, "
        f"box(width: {scene.width:g}pt, height: {scene.height:g}pt, {{",
        "  set align(top + left)",
        "  set par(leading: 0pt, spacing: 0pt, justify: false)",
        _TYPST.replace("THIN", f"{_THIN}pt"),
    ]
    for f in scene.frames:
        stroke = f"(paint: {_rgb(f.role)}, thickness: {_THIN}pt)"
        box = f"rect(width: {f.width:g}pt, height: {f.height:g}pt, radius: 2.5pt, stroke: {stroke})"
        lines.append(f"  at({f.x:g}, {f.y:g}, {box})")
    for s in scene.strokes:
        lines.append(f"  line-of({_rgb(s.role)}, {_spots(_to_head(s))})")
        if s.head:
            lines.append(f"  head-of({_rgb(s.role)}, {_spots(s.triangle)})")
    for x in scene.labels:
        head = f"{x.x:g}, {x.y:g}, {typst_string(x.anchor)}, {x.size:g}, {_rgb(x.role)}"
        body = f"{typst_string(words(x.text))}, ${typst(x.text)}$.body"
        lines.append(f"  label-of({head}, {body})")
    return "\n".join([*lines, "})))"])


def _rgb(role: str) -> str:
    return f'rgb("{_INK[role]}")'


def _spots(points: tuple[tuple[float, float], ...]) -> str:
    return ", ".join(f"({x:g}pt, {y:g}pt)" for x, y in points)
