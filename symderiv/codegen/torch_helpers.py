"""PyTorch for the helpers of NumPy code: functions that it has, and sources of the others.

Contract: autograd can differentiate each; tensors stay on their device and in their dtype.
"""

from __future__ import annotations

from .spellings import METHODS, column
from .translation import ArrayLibrary, Call, Word


def _along(name: str) -> Word:
    """Return a function along an axis, which PyTorch calls dim, or along all of them."""

    def write(call: Call) -> str:
        x, *rest = call.arguments
        axis = rest[0] if rest else call.keywords.get("dim", "None")
        if axis == "None":
            return f"{name}({x}.reshape(-1), dim=0)"
        return f"{name}({x}, dim={axis})"

    return write


def _along_or_all(name: str, of_all: str) -> Word:
    """Return such a function whose value has the shape of its argument."""
    along = _along(name)
    assert callable(along)

    def write(call: Call) -> str:
        if call.keywords.get("dim") == "None":
            return f"{of_all}({call.arguments[0]})"
        return along(call)

    return write


_CALLS: dict[str, Word] = {
    "_softmax": _along_or_all("torch.softmax", "_softmax_of_all"),
    "_logsoftmax": _along_or_all("torch.log_softmax", "_log_softmax_of_all"),
    "_logsumexp": _along("torch.logsumexp"),
    "_sigmoid": "torch.sigmoid",
    "_elu": "nn.functional.elu",
    "_gelu": "nn.functional.gelu",
    "_gelu_tanh": lambda call: call.to("nn.functional.gelu", 'approximate="tanh"'),
    "_silu": "nn.functional.silu",
    "_softplus": lambda call: f"nn.functional.softplus({call.arguments[0]}, threshold=50)",
    "_var": lambda call: call.to("torch.var", "correction=0"),
    "_std": lambda call: call.to("torch.std", "correction=0"),
    "_expm": "torch.linalg.matrix_exp",
}

READ = '''
def _read(**arrays):
    """Return the tensors, the sizes they show, and their common dtype."""
    tensors = [a for a in arrays.values() if torch.is_tensor(a) and a.is_floating_point()]
    dtype, device = torch.get_default_dtype(), None
    for k, tensor in enumerate(tensors):
        dtype = torch.promote_types(dtype, tensor.dtype) if k else tensor.dtype
        device = tensor.device if tensor.ndim or device is None else device
    sizes, found = {}, []
    for name, value in arrays.items():
        kept = torch.is_tensor(value) and value.is_floating_point()
        tensor = value if kept else torch.as_tensor(value, dtype=dtype, device=device)
        expected = SHAPES[name]
        shape = "(" + ", ".join(expected) + ("," if len(expected) == 1 else "") + ")"
        wrong = f"{name} has shape {tuple(tensor.shape)}; expected {shape}"
        if tensor.ndim != len(expected):
            raise ValueError(wrong)
        for dim, size in zip(expected, tensor.shape):
            known = int(dim) if dim.isdigit() else sizes.setdefault(dim, size)
            if size != known:
                raise ValueError(f"{wrong}, where {dim} is {known}")
        found.append(tensor)
    return found, sizes, dtype
'''

HELPERS = {
    "_softmax_of_all": '''
def _softmax_of_all(x):
    """Return exp(x) / sum(exp(x)) over all entries."""
    return torch.softmax(x.reshape(-1), dim=0).reshape(x.shape)
''',
    "_log_softmax_of_all": '''
def _log_softmax_of_all(x):
    """Return the logarithm of the softmax over all entries."""
    return torch.log_softmax(x.reshape(-1), dim=0).reshape(x.shape)
''',
    "_adjugate": '''
def _adjugate(x):
    """Return the transposed matrix of cofactors; a singular matrix has one too."""
    n = len(x)
    rest = [[k for k in range(n) if k != i] for i in range(n)]
    minors = [[torch.linalg.det(x[rest[i]][:, rest[j]]) for i in range(n)] for j in range(n)]
    signed = [[(-1) ** (i + j) * m for j, m in enumerate(r)] for i, r in enumerate(minors)]
    return torch.stack([torch.stack(r) for r in signed])
''',
    "_adjugate_pullback": '''
def _adjugate_pullback(x, c):
    """Return the gradient of the sum of c * adjugate(x) by x; a singular matrix has one too."""
    u, s, v = torch.linalg.svd(x)
    same = torch.eye(len(s), dtype=torch.bool, device=x.device)
    one = torch.ones_like(s)
    others = torch.prod(torch.where(same[:, None] | same, one, s), dim=2)
    c = v @ c @ u
    without = torch.where(same, 0, others)
    slopes = torch.where(same, torch.diag(without @ torch.diagonal(c)), -c * others)
    return torch.linalg.det(u) * torch.linalg.det(v) * u @ slopes @ v
''',
    "_cholesky": '''
def _cholesky(x):
    """Return the lower factor of the symmetric part."""
    return torch.linalg.cholesky((x + x.mT) / 2)
''',
    "_eigvalsh": '''
def _eigvalsh(x):
    """Return the eigenvalues of the symmetric part, in rising order."""
    return torch.linalg.eigvalsh((x + x.mT) / 2)
''',
    "_eigvecsh": '''
def _eigvecsh(x):
    """Return the eigenvectors of the symmetric part; the largest entry of each is positive."""
    v = torch.linalg.eigh((x + x.mT) / 2)[1]
    largest = torch.abs(v).argmax(dim=-2, keepdim=True)
    return v * torch.sign(torch.take_along_dim(v, largest, dim=-2))
''',
    "_expm_frechet": '''
def _expm_frechet(x, c):
    """Return the derivative of the matrix exponential at x along c, a block of an exponential."""
    n, x = x.shape[-1], x.expand_as(c)
    above, below = torch.cat((x, c), dim=-1), torch.cat((torch.zeros_like(x), x), dim=-1)
    return torch.linalg.matrix_exp(torch.cat((above, below), dim=-2))[..., :n, n:]
''',
    "_matrix_power_pullback": '''
def _matrix_power_pullback(x, k, c):
    """Return the sum of (x^r).T @ c @ (x^(k-1-r)).T over r = 0, .., k - 1."""
    if k < 0:
        y = torch.linalg.matrix_power(x, k).mT
        return -_matrix_power_pullback(x, -k, y @ c @ y)
    result = 0 * c
    for _ in range(k):
        result, c = result @ x.mT + c, x.mT @ c
    return result
''',
    "_leaky_relu": '''
def _leaky_relu(x, s):
    """Return x where x > 0, else s x."""
    return torch.where(x > 0, x, s * x)
''',
    "_normal_pdf": '''
def _normal_pdf(x):
    """Return the density of the standard normal distribution."""
    return torch.exp(-0.5 * x * x) / (2 * torch.pi) ** 0.5
''',
    "_polygamma": '''
def _polygamma(k, x):
    """Return the derivative of order k > 0 of digamma."""
    return (-1) ** (k + 1) * math.factorial(k) * torch.special.zeta(k + 1, x)
''',
    "_max_mask": '''
def _max_mask(x, dim=None):
    """Return 1 at the first maximal entry along an axis, else 0."""
    if dim is None:
        return _max_mask(x.reshape(-1), 0).reshape(x.shape)
    hit = x == torch.amax(x, dim=dim, keepdim=True)
    return (hit & (torch.cumsum(hit, dim=dim) == 1)).to(x.dtype)
''',
    "_min_mask": '''
def _min_mask(x, dim=None):
    """Return 1 at the first minimal entry along an axis, else 0."""
    return _max_mask(-x, dim)
''',
    "_prod_others": '''
def _prod_others(x, *directions, dim=None):
    """Return the product of the other entries along an axis, for every entry.

    With directions, its derivatives along them: sums of products, so zeros do no harm.
    """
    x, *directions = torch.broadcast_tensors(x, *directions)
    if dim is None:
        flat = [a.reshape(-1) for a in (x, *directions)]
        return _prod_others(*flat, dim=0).reshape(x.shape)
    x, *directions = (torch.movedim(a, dim, -1) for a in (x, *directions))
    same = torch.eye(x.shape[-1], dtype=torch.bool, device=x.device)
    if not directions:
        found = torch.prod(torch.where(same, 1, x[..., None, :]), dim=-1)
    else:
        first, *rest = directions
        found = 0
        for k, hit in enumerate(same):
            without = [torch.where(hit, 1, x), *(torch.where(hit, 0, r) for r in rest)]
            others = torch.where(hit, 0, _prod_others(*without, dim=-1))
            found = found + first[..., [k]] * others
    return torch.movedim(found, -1, dim)
''',
    "_polar": '''
def _polar(x):
    """Return the orthogonal polar factor U V^T of x = U S V^T."""
    u, _, v = torch.linalg.svd(x, full_matrices=False)
    return u @ v
''',
    "_left_singular": '''
def _left_singular(x):
    """Return the left singular vector that belongs to _right_singular(x)."""
    u = (x @ _right_singular(x)[..., None])[..., 0]
    return u / torch.linalg.norm(u, dim=-1, keepdim=True)
''',
    "_right_singular": '''
def _right_singular(x):
    """Return the right vector of the largest singular value, its largest entry positive."""
    v = torch.linalg.svd(x, full_matrices=False)[2][..., 0, :]
    largest = torch.abs(v).argmax(dim=-1, keepdim=True)
    return v * torch.sign(torch.take_along_dim(v, largest, dim=-1))
''',
    "_cross_entropy": '''
def _cross_entropy(logits, targets):
    """Return the mean over the rows of -sum(targets * log_softmax(logits))."""
    rows = logits.shape[0] if logits.ndim == 2 else 1
    return -(targets * torch.log_softmax(logits, dim=-1)).sum() / rows
''',
    "_diagonal_sums": '''
def _diagonal_sums(x):
    """Return the sums along the diagonals, each in the places that it was made of."""
    n = x.shape[-1]
    places = {k: torch.diag(x.new_ones(n - abs(k)), k) for k in range(1 - n, n)}
    sums = {k: torch.diagonal(x, k, -2, -1).sum(dim=-1)[..., None, None] for k in places}
    return sum(sums[k] * place for k, place in places.items())
''',
    "_layernorm": '''
def _layernorm(x, eps):
    """Return every row without its mean, divided by its standard deviation."""
    centred = x - x.mean(dim=-1, keepdim=True)
    return centred / torch.sqrt((centred * centred).mean(dim=-1, keepdim=True) + eps)
''',
    "_rmsnorm": '''
def _rmsnorm(x, eps):
    """Return every row divided by its root mean square."""
    return x / torch.sqrt((x * x).mean(dim=-1, keepdim=True) + eps)
''',
}

TORCH = ArrayLibrary(
    name="torch",
    title="PyTorch",
    read=READ,
    words=column(0),
    methods={name: row[0] for name, row in METHODS.items()},
    keywords={"axis": "dim", "keepdims": "keepdim"},
    calls=_CALLS,
    helpers=HELPERS,
    transpose="mT",
)
