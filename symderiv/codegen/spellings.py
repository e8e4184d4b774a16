"""How PyTorch and JAX spell the words of NumPy in which operators write their code.

Contract: one row for a word, with what it is in each library. JAX has NumPy's names; where
PyTorch's differ in more than the name, a function writes the call.
"""

from __future__ import annotations

from .translation import Call, Word

LIKE = "dtype=dtype, device=device"


def _made(name: str) -> Word:
    """Return how a constant array is made: on the device of the others."""

    def made(call: Call) -> str:
        more = ["device=device"] if call.keywords.get("dtype") == "dtype" else []
        return Call(call.arguments, {**call.keywords, **dict(x.split("=") for x in more)}).to(name)

    return made


def _eye(call: Call) -> str:
    if len(call.arguments) < 3:
        return str(_made("torch.eye")(call))  # type: ignore[operator]
    _, size, place = call.arguments
    return f"torch.eye({size}, {LIKE})[{place}:]"


def _larger(call: Call) -> str:
    return _bounded(call, "min", "torch.maximum")


def _smaller(call: Call) -> str:
    return _bounded(call, "max", "torch.minimum")


def _bounded(call: Call, bound: str, other: str) -> str:
    """Return the larger or the smaller of two: PyTorch takes no plain number beside a tensor."""
    first, second = call.arguments
    if call.is_number[1]:
        return f"torch.clamp({first}, {bound}={second})"
    return f"torch.clamp({second}, {bound}={first})" if call.is_number[0] else call.to(other)


def _angle(call: Call) -> str:
    """Return arctan2, of tensors alone."""
    pairs = zip(call.arguments, call.is_number, strict=True)
    return Call(tuple(f"torch.as_tensor({x}, {LIKE})" if n else x for x, n in pairs), {}).to(
        "torch.arctan2"
    )


def _clip(call: Call) -> str:
    x, low, high = call.arguments
    _, low_is_number, high_is_number = call.is_number
    if low_is_number == high_is_number:
        return f"torch.clamp({x}, {low}, {high})"
    inner = Call((x, low), {}, (False, low_is_number))
    return _smaller(Call((_larger(inner), high), {}, (False, high_is_number)))


def _product(call: Call) -> str:
    first, *rest = call.arguments
    if first.startswith("["):
        return Call((f"torch.stack({first})", *rest), {"dim": "0", **call.keywords}).to(
            "torch.prod"
        )
    return call.to("torch.prod")


def _running(call: Call) -> str:
    return Call(call.arguments, {"dim": "0", **call.keywords}).to("torch.cumsum")


def _chosen(call: Call) -> str:
    """Return a choice between numbers: one as a tensor, as two alone are in single precision."""
    test, yes, no = call.arguments
    return f"torch.where({test}, torch.tensor({yes}, {LIKE}), {no})"


def _array(call: Call) -> str:
    return f"torch.as_tensor({call.arguments[0]}, {LIKE})"


def _shape(call: Call) -> str:
    return f"{call.arguments[0]}.shape"


def _axes(call: Call) -> str:
    return f"{call.arguments[0]}.ndim"


def _cross(call: Call) -> str:
    return f"torch.linalg.cross(*torch.broadcast_tensors({', '.join(call.arguments)}))"


def _norm(module: str) -> Word:
    """Return a norm; one whose p is an array is written out, for both take a plain number."""

    def write(call: Call) -> str:
        of_array = len(call.arguments) == 2 and not call.is_number[1]
        if not of_array or call.arguments[1].startswith(("'", '"')):
            return call.to(f"{module}.linalg.norm")
        x, p = call.arguments
        p = p if p.isidentifier() else f"({p})"
        return f"(({module}.abs({x}) ** {p}).sum() ** (1 / {p}))"

    return write


def _einsum(call: Call) -> str:
    return call.without("optimize").to("torch.einsum")


def _chosen_in_jax(call: Call) -> str:
    return f"jnp.asarray({call.to('jnp.where')}, dtype=dtype)"


_SAME = (
    "sqrt exp log log2 log10 log1p expm1 sin cos tan sinh cosh tanh arcsin arccos arctan "
    "abs sign square outer diag trace kron tril triu where"
).split()
_LINEAR = "inv det slogdet solve pinv matrix_power".split()

# NumPy's word: PyTorch's, JAX's.
WORDS: dict[str, tuple[Word, Word]] = {
    **{name: (f"torch.{name}", f"jnp.{name}") for name in _SAME},
    **{f"linalg.{name}": (f"torch.linalg.{name}", f"jnp.linalg.{name}") for name in _LINEAR},
    "linalg.norm": (_norm("torch"), _norm("jnp")),
    "special.erf": ("torch.erf", "jax.scipy.special.erf"),
    "special.loggamma": ("torch.lgamma", "jax.scipy.special.gammaln"),
    "special.digamma": ("torch.digamma", "jax.scipy.special.digamma"),
    "special.ndtr": ("torch.special.ndtr", "jax.scipy.special.ndtr"),
    "max": ("torch.amax", "jnp.max"),
    "min": ("torch.amin", "jnp.min"),
    "sum": ("torch.sum", "jnp.sum"),
    "mean": ("torch.mean", "jnp.mean"),
    "prod": (_product, lambda call: _stacked_in_jax(call)),
    "cumsum": (_running, "jnp.cumsum"),
    "arctan2": (_angle, "jnp.arctan2"),
    "maximum": (_larger, "jnp.maximum"),
    "minimum": (_smaller, "jnp.minimum"),
    "clip": (_clip, "jnp.clip"),
    "cross": (_cross, "jnp.cross"),
    "concatenate": ("torch.cat", "jnp.concatenate"),
    "transpose": ("torch.permute", "jnp.transpose"),
    "reshape": ("torch.reshape", "jnp.reshape"),
    "einsum": (_einsum, lambda call: call.without("optimize").to("jnp.einsum")),
    "ones": (_made("torch.ones"), "jnp.ones"),
    "zeros": (_made("torch.zeros"), "jnp.zeros"),
    "full": (_made("torch.full"), "jnp.full"),
    "arange": (
        lambda call: Call(call.arguments, {"device": "device"}).to("torch.arange"),
        "jnp.arange",
    ),
    "eye": (_eye, "jnp.eye"),
    "asarray": (_array, "jnp.asarray"),
    "where of numbers": (_chosen, _chosen_in_jax),
    "shape": (_shape, "jnp.shape"),
    "ndim": (_axes, "jnp.ndim"),
    "atleast_2d": ("torch.atleast_2d", "jnp.atleast_2d"),
}


def _stacked_in_jax(call: Call) -> str:
    first, *rest = call.arguments
    whole = f"jnp.stack({first})" if first.startswith("[") else first
    return Call((whole, *rest), call.keywords).to("jnp.prod")


def _swapped(value: str, call: Call) -> str:
    if {*call.arguments} == {"-1", "-2"}:
        return f"{value}.mT"
    return call.to(f"{value}.transpose")


def _swapped_in_jax(value: str, call: Call) -> str:
    return f"{value}.mT" if {*call.arguments} == {"-1", "-2"} else call.to(f"{value}.swapaxes")


METHODS = {
    "swapaxes": (_swapped, _swapped_in_jax),
    "ravel": (lambda value, call: f"{value}.reshape(-1)", lambda value, call: f"{value}.ravel()"),
    "type": (
        lambda value, call: f"torch.as_tensor({call.arguments[0]}, {LIKE})",
        lambda value, call: f"jnp.asarray({call.arguments[0]}, dtype=dtype)",
    ),
}


def column(place: int) -> dict[str, Word]:
    """Return the words of one library: 0 is PyTorch, 1 is JAX."""
    return {name: row[place] for name, row in WORDS.items()}
