"""The rules of simplification, each a named line of mathematics, in the order of trying.

They hold wherever both sides are defined; those that need a property of a variable ask the facts.
"""

from __future__ import annotations

from . import block_rules, cancelling, choice_rules, folding, function_rules
from .rule import CallRule, Rule, SumRule

RULES = (
    Rule("inverse-cancels", "A⁻¹ A = I", cancelling.inverse_cancels, ("inv()",)),
    Rule(
        "names-join", "J det(A)ᵃ = Jᵃ⁺¹ where J = det(A)", cancelling.names_join, ("named", "add")
    ),
    Rule("names-fold", "E (1 - t / P) / s = P - t where P = E / s", folding.names_fold, ("add",)),
    Rule("inverses-join", "A⁻¹ (A⁻¹ + S)⁻¹ = (I + SA)⁻¹", folding.inverses_join, ("inv()",)),
    Rule(
        "ratio-cancels",
        "a sum divided by itself is 1",
        cancelling.ratio_cancels,
        ("contract", "named"),
    ),
    Rule(
        "orthogonal-cancels",
        "QᵀQ = I for an orthogonal matrix",
        cancelling.orthogonal_cancels,
        ("facts",),
    ),
    Rule(
        "quotient",
        "sin / cos = tan, sinh / cosh = tanh",
        function_rules.quotient_of_functions,
        ("cos()", "cosh()"),
    ),
    Rule("logistic", "1 / (1 + exp(-u)) = σ(u)", function_rules.logistic, ("add",)),
    Rule("logistic-of-minus", "eᵘ σ(-u) = σ(u)", function_rules.exp_of_logistic, ("exp()",)),
    Rule("softmax", "exp(z) / sum(exp(z)) = softmax(z)", function_rules.softmax_folds, ("exp()",)),
    Rule(
        "shares",
        "a softmax adds up to 1, a layernorm to 0",
        function_rules.shares_add_up,
        ("call", "facts"),
    ),
    Rule("powers-join", "x xʸ = xʸ⁺¹", function_rules.powers_join, ("pow()",)),
    Rule("shared-cancels", "v (q / v) = q", cancelling.shared_cancels, ("share",)),
    Rule("clear-fractions", "v (1 + q / v) = v + q", cancelling.clear_fractions, ("add",)),
    Rule("sum-of-sum", "a sum may be summed term by term", cancelling.sum_of_sum, ("add",)),
    Rule("signs", "sign(u) |u| = u", choice_rules.signs_and_sizes, ("sign()",)),
    Rule("relu", "relu(u) [u > 0] = relu(u)", choice_rules.relu_is_chosen, ("relu()",)),
    Rule("signs-square", "c² = 1 for entries 1 and -1", cancelling.signs_square_to_one, ("facts",)),
    Rule(
        "zero-blocks",
        "a sum over zeros is 0: only the other block takes part",
        block_rules.zero_blocks,
        ("concat()",),
    ),
    Rule("zeros-outside", "A [X 0] = [AX 0]", block_rules.zeros_outside, ("concat()",)),
    Rule("binary-powers", "b² = b for entries 0 and 1", cancelling.binary_powers, ("facts",)),
)
CALL_RULES = (
    CallRule("undone", "exp(log(x)) = x, log(exp(x)) = x", function_rules.undone),
    CallRule("commuting", "X commutes with every function of X", function_rules.commuting),
    CallRule("part", "tril(tril(X)) = tril(X)", function_rules.part_of_part),
    CallRule("identity-block", "rows of I are [0 I 0]", block_rules.identity_block),
    CallRule("block", "a block of blocks side by side is one of them", block_rules.block_of_blocks),
    CallRule("spread", "a function of equal entries has equal entries", choice_rules.spread_call),
)
SUM_RULES = (
    SumRule("halves", "a [c] + b [not c] is a where c, else b", choice_rules.halves_join),
    SumRule("blocks", "blocks side by side add up one by one", block_rules.blocks_add_up),
    SumRule("reflected", "1 - σ(u) = σ(-u)", function_rules.reflected),
    SumRule("rest", "W⁻¹ - W⁻¹ S W⁻¹ = W⁻¹ A W⁻¹ where W = A + S", folding.inverse_takes_the_rest),
    SumRule("expanded", "summands that cancel when multiplied out", cancelling.cancels_expanded),
    SumRule("one-denominator", "1 - q / (1 + q) = 1 / (1 + q)", cancelling.over_one_denominator),
)
