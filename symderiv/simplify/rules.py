"""The rules of simplification, each a named line of mathematics, in the order of trying.

All of them hold wherever both sides are defined; those that need a property of a variable ask the
facts.
"""

from __future__ import annotations

from . import cancelling, functions
from .rule import CallRule, Rule

RULES = (
    Rule("inverse-cancels", "A⁻¹ A = I", cancelling.inverse_cancels, ("inv()",)),
    Rule("ratio-cancels", "a sum divided by itself is 1", cancelling.ratio_cancels, ("contract",)),
    Rule(
        "orthogonal-cancels",
        "QᵀQ = I for an orthogonal matrix",
        cancelling.orthogonal_cancels,
        ("facts",),
    ),
    Rule(
        "quotient",
        "sin / cos = tan, sinh / cosh = tanh",
        functions.quotient_of_functions,
        ("cos()", "cosh()"),
    ),
    Rule("logistic", "1 / (1 + exp(-u)) = σ(u)", functions.logistic, ("add",)),
    Rule("softmax", "exp(z) / sum(exp(z)) = softmax(z)", functions.softmax_folds, ("exp()",)),
    Rule(
        "shares",
        "a softmax adds up to 1, a layernorm to 0",
        functions.shares_add_up,
        ("call", "facts"),
    ),
    Rule("powers-join", "x xʸ = xʸ⁺¹", functions.powers_join, ("pow()",)),
    Rule("clear-fractions", "v (1 + q / v) = v + q", cancelling.clear_fractions, ("add",)),
    Rule("sum-of-sum", "a sum may be summed term by term", cancelling.sum_of_sum, ("add",)),
    Rule("binary-powers", "b² = b for entries 0 and 1", cancelling.binary_powers, ("facts",)),
)
CALL_RULES = (CallRule("undone", "exp(log(x)) = x, log(exp(x)) = x", functions.undone),)
