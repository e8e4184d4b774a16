"""The code cells of a notebook: the module, its check by differences, a picture of its values.

Contract: NumPy and IPython are all that the cells import; nothing that a user wrote is in them but
what the generated module holds.
"""

from __future__ import annotations

import ast
from textwrap import indent

from .guard import checked
from .module import Module

_CHECK = '''
def point(sizes, seed):
    """Return inputs, given gradients and gradients, compared with differences where finite."""
'''

_CHECKING = """import types


def compared(code):
    \"\"\"Return what compares the gradients with differences at a point, and the points.\"\"\"
{tools}
    return point, [(sizes, seed) for sizes in SIZES for seed in POINTS], losses, others


point, points, losses, others = compared(types.SimpleNamespace({functions}))
tried = [point(*p) for p in points]
there = [p for p, found in zip(points, tried) if found is not None]
print(f"The gradients equal differences at {{len(there)}} points.")
"""

_PICTURE = '''import html

import IPython.display


def picture(groups):
    """Return arrays as SVG: a square for each entry, blue below zero, orange above."""
    parts, top, width = [], 8, 0
    for title, arrays in groups.items():
        parts.append(f'<text x="8" y="{top + 12}" font-weight="bold">{html.escape(title)}</text>')
        left, high = 8, 0
        for name, value in arrays.items():
            cells = np.asarray(value, dtype=float)
            whole = "x".join(map(str, cells.shape)) or "scalar"
            cells = cells.reshape(-1, cells.shape[-1] if cells.ndim > 1 else 1)[:12, :8]
            label = f"{html.escape(name)} ({whole})"
            parts.append(f'<text x="{left}" y="{top + 30}">{label}</text>')
            largest = max([abs(float(v)) for v in cells.flat], default=0.0) or 1.0
            for (i, j), v in np.ndenumerate(cells):
                x, y, shade = left + 42 * j, top + 36 + 18 * i, 0.45 * abs(v) / largest
                fill = "#b0480b" if v > 0 else "#0b62a4"
                parts.append(
                    f'<rect x="{x}" y="{y}" width="42" height="18" fill="{fill}" '
                    f'fill-opacity="{shade:.2f}" stroke="#c9ced6"/>'
                    f'<text x="{x + 21}" y="{y + 13}" text-anchor="middle">{v:.2g}</text>'
                )
            left += max(42 * cells.shape[1], 7 * len(label)) + 16
            high = max(high, 18 * cells.shape[0])
        top, width = top + high + 48, max(width, left)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top}" role="img" '
        'aria-label="Values of the forward and the backward pass" font-family="sans-serif" '
        'font-size="11" fill="#1b1f24"><rect width="100%" height="100%" fill="#ffffff"/>'
        + "".join(parts)
        + "</svg>"
    )


if there:
    sizes, seed = there[0]
    inputs, given, gradients = tried[points.index((sizes, seed))]
    value = forward(*inputs.values(), **losses(given), **others(sizes))
    values = dict(zip(OUTPUTS, value if isinstance(value, tuple) else (value,)))
    slopes = {"d" + name: gradient for name, gradient in gradients.items()}
    groups = {"Forward": {**inputs, **values}, "Backward": {**given, **slopes}}
    IPython.display.display(IPython.display.SVG(picture(groups)))
'''


def cells_of(module: Module, tools: str, comparison: str) -> tuple[str, ...]:
    """Return the code cells for a module, with what its test compares it by, in their order."""
    point = f"{_CHECK.strip(chr(10))}\n{comparison.rstrip()}\n    return inputs, given, gradients\n"
    tools = indent(tools + point, "    ").rstrip("\n")
    tree = ast.parse(module.source)
    public = [f.name for f in tree.body if isinstance(f, ast.FunctionDef) and f.name[0] != "_"]
    functions = ", ".join(f"{n}={n}" for n in public)
    check = _CHECKING.format(tools=tools, functions=functions)
    names = ", ".join(f'"{n}"' for n in module.outputs)
    figure = _PICTURE.replace("OUTPUTS", f"[{names}]")
    cells = (module.source, check, figure)
    known = "types html IPython.display print forward backward np losses others tried there points"
    checked("\n".join(cells), known.split())
    return cells
