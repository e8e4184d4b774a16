"""What a derivation costs, on the command line."""

from __future__ import annotations

from ..core.errors import MissingRuleError
from ..results.derived import Derivation

_FEW = 4  # definitions; with more the table is printed, else its totals


def cost_lines(derivation: Derivation) -> list[str]:
    """Return a table for a network, else one line; none where flops depend on the values."""
    try:
        costs = derivation.costs()
    except MissingRuleError:
        return []
    ratio = f"; ratio {costs.ratio} at leading order" if costs.ratio is not None else ""
    if len(derivation.problem.definitions) <= _FEW:
        return [f"flops: forward {costs.forward}; backward {costs.backward}{ratio}"]
    return ["flops", *(f"  {line}" for line in str(costs).splitlines()), f"  backward{ratio[1:]}"]


def cost_data(derivation: Derivation) -> dict[str, object] | None:
    """Return every row with its flops; None where they depend on the values."""
    try:
        costs = derivation.costs()
    except MissingRuleError:
        return None
    return {
        "rows": [
            {
                "name": r.name,
                "part": r.part,
                "shape": [str(d) for d in r.shape],
                "flops": str(r.flops),
            }
            for r in costs.rows
        ],
        "forward": str(costs.forward),
        "backward": str(costs.backward),
        "ratio": str(costs.ratio) if costs.ratio is not None else None,
    }
