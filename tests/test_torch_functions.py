"""Functions and modules of PyTorch are traced as they are written, and their gradients agree."""

import math

import numpy as np
import pytest
from traced_frameworks import derived, drawn, filled, labels_of

import symderiv as sd

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn, F = torch.nn, torch.nn.functional


# functions


def layer(X, W, b):
    return F.relu(X @ W + b)


def mlp(X, params):
    h = F.gelu(X @ params["W1"] + params["b1"])
    return h @ params["W2"] + params["b2"]


def tanh_gelu(X, layers):
    for W, b in layers:
        X = F.gelu(X @ W + b, approximate="tanh")
    return X


def squared(X, w, y):
    r = torch.matmul(X, w) - y
    return (r**2).mean()


def logistic(X, w, y):
    return torch.log1p(torch.exp(-y * (X @ w))).mean()


def with_logits(X, w, t):
    return F.binary_cross_entropy_with_logits(X @ w, t)


def cross_entropy(X, W, y):
    logits = X @ W
    return F.cross_entropy(logits, y)


def picked(X, W, y):
    logp = F.log_softmax(X @ W, dim=-1)
    return -logp[torch.arange(X.shape[0]), y].mean()


def nll(X, W, y):
    return F.nll_loss(F.log_softmax(X @ W, dim=1), y)


def gathered(X, W, y):
    logp = torch.log_softmax(X @ W, 1)
    return -logp.gather(1, y.unsqueeze(1)).squeeze(1).sum()


def one_hot(X, W, y):
    Y = F.one_hot(y, W.shape[1])
    return ((torch.softmax(X @ W, -1) - Y) ** 2).sum()


def embedded(E, W, y):
    return torch.tanh(E[y] @ W)


def layer_norm_by_hand(x, g, b):
    mu = x.mean(-1, keepdim=True)
    v = x.var(-1, keepdim=True, unbiased=False)
    return (x - mu) / torch.sqrt(v + 1e-5) * g + b


def rms_norm(x, g):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * g


def batch_norm(x, g, b):
    return F.batch_norm(x, None, None, g, b, training=True)


def unbiased(x):
    return x.std(dim=0).sum() + x.var()


def attention(X, Wq, Wk, Wv):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    S = Q @ K.T / math.sqrt(Q.shape[-1])
    n = X.shape[0]
    mask = torch.triu(torch.ones(n, n, dtype=torch.bool), diagonal=1)
    P = S.masked_fill(mask, float("-inf")).softmax(-1)
    return P @ V


def ready_attention(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def where_mask(S):
    n = S.size(0)
    return torch.where(torch.tril(torch.ones(n, n)) == 0, -1e9, S).softmax(dim=1)


def silu_gate(X, W, V):
    return F.silu(X @ W) * (X @ V)


def in_place(X, W):
    Z = X @ W
    Z[Z < 0] = 0
    Z += 1
    Z *= 2
    return Z.sum(dim=0)


def joined(X, Y):
    Z = torch.cat([X, Y], dim=1)
    return torch.einsum("ij,kj->ik", Z, Z).sum() + torch.norm(X) + X[1, :].sum() + X[:, 0].sum()


def clipped(x):
    return x.clamp(-1, 1).sum() + torch.maximum(x, torch.zeros_like(x)).sum() + x.abs().max()


def gaussian(K, y):
    alpha = torch.linalg.solve(K, y)
    return 0.5 * y @ alpha + 0.5 * torch.logdet(K)


def factorised(A, U, V):
    return F.mse_loss(U @ V.T, A, reduction="sum") + 0.1 * (U.square().sum() + V.square().sum())


def helper(Z):
    return torch.sigmoid(Z) * (1 - torch.sigmoid(Z))


def by_helper(X, W):
    return helper(X @ W)


def normalized(x):
    return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True)


def smooth(x):
    return F.softplus(x).sum() + F.elu(x).sum() + F.leaky_relu(x, 0.2).sum() + F.logsigmoid(x).sum()


def logsumexp(X):
    return torch.logsumexp(X, dim=1).sum() - X.amax(dim=1).sum()


LAYER = {"X": "n, d", "W": "d, m", "b": "m"}
LABELLED = {"X": "n, d", "W": "d, k", "y": "n label(k)"}
CASES = [
    (layer, LAYER, "L"),
    (mlp, {"X": "n, d", "params": {"W1": "d, p", "b1": "p", "W2": "p, m", "b2": "m"}}, "L"),
    (tanh_gelu, {"X": "n, d", "layers": [("d, p", "p"), ("p, m", "m")]}, "L"),
    (squared, {"X": "n, d", "w": "d", "y": "n"}, None),
    (logistic, {"X": "n, d", "w": "d", "y": "n"}, None),
    (with_logits, {"X": "n, d", "w": "d", "t": "n"}, None),
    (cross_entropy, LABELLED, None),
    (picked, LABELLED, None),
    (nll, LABELLED, None),
    (gathered, LABELLED, None),
    (one_hot, LABELLED, None),
    (embedded, {"E": "k, d", "W": "d, m", "y": "n label(k)"}, "L"),
    (layer_norm_by_hand, {"x": "n, d", "g": "d", "b": "d"}, "L"),
    (rms_norm, {"x": "n, d", "g": "d"}, "L"),
    (batch_norm, {"x": "n, d", "g": "d", "b": "d"}, "L"),
    (unbiased, {"x": "n, d"}, None),
    (attention, {"X": "n, d", "Wq": "d, k", "Wk": "d, k", "Wv": "d, m"}, "L"),
    (ready_attention, {"q": "b, n, d", "k": "b, n, d", "v": "b, n, m"}, "L"),
    (where_mask, {"S": "n, n"}, "L"),
    (silu_gate, {"X": "n, d", "W": "d, m", "V": "d, m"}, "L"),
    (in_place, {"X": "n, d", "W": "d, m"}, "L"),
    (joined, {"X": "n, d", "Y": "n, m"}, None),
    (clipped, {"x": "n"}, None),
    (gaussian, {"K": "n, n spd", "y": "n"}, None),
    (factorised, {"A": "n, m", "U": "n, r", "V": "m, r"}, None),
    (by_helper, {"X": "n, d", "W": "d, m"}, "L"),
    (normalized, {"x": "n, d"}, "L"),
    (smooth, {"x": "n"}, None),
    (logsumexp, {"X": "n, d"}, None),
]


@pytest.mark.parametrize(("function", "declarations", "loss"), CASES, ids=lambda x: "")
def test_gradients_are_those_of_autograd(function, declarations, loss):
    problem = sd.trace(function, loss=loss, framework="torch", **declarations)
    arrays = drawn(problem, labels_of(declarations))
    value, upstream, gradients = derived(problem, arrays)
    tensors = {
        n: torch.tensor(a.argmax(-1) if n in labels_of(declarations) else a)
        for n, a in arrays.items()
    }
    for name in gradients:
        if tensors[name].is_floating_point():
            tensors[name].requires_grad_()
    found = function(**filled(declarations, tensors))
    np.testing.assert_allclose(value, found.detach().numpy(), rtol=1e-12, atol=1e-13)
    (found if upstream is None else (found * torch.tensor(upstream)).sum()).backward()
    for name, gradient in gradients.items():
        if tensors[name].requires_grad:
            expected = tensors[name].grad.numpy()
            np.testing.assert_allclose(gradient, expected, rtol=1e-10, atol=1e-12, err_msg=name)


# modules


class CausalAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.register_buffer("mask", torch.tril(torch.ones(64, 64)).view(1, 1, 64, 64))

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.qkv(x).split(C, dim=2)
        q = q.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        k = k.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        v = v.view(B, T, self.heads, C // self.heads).transpose(1, 2)
        att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
        att = att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
        y = F.softmax(att, dim=-1) @ v
        return self.proj(y.transpose(1, 2).contiguous().view(B, T, C))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = CausalAttention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Bigram(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(10, 6)
        self.head = nn.Linear(6, 10)

    def forward(self, idx, targets):
        logits = self.head(torch.tanh(self.emb(idx)))
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 6), nn.Linear(6, 3)])
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        for layer in self.layers:
            x = self.drop(torch.relu(layer(x)))
        return x


def agree(module, problem, x, rtol):
    """Compare the gradients of a problem with autograd, by the parameters and by the input."""
    named = {n.replace(".", "_"): p for n, p in module.named_parameters()}
    name = next(n for n in problem.wrt if n not in named)
    x.requires_grad_()
    out = module(x)
    upstream = torch.randn_like(out)
    (out * upstream).sum().backward()
    tensors = {**named, name: x}
    arrays = {n: tensors[n].detach().numpy() for n in problem.variables}
    code = sd.derive(problem).compile()
    value = code.forward(**arrays)
    value = value[0] if isinstance(value, tuple) else value
    np.testing.assert_allclose(value, out.detach().numpy(), rtol=0, atol=1e-12)
    found = code.backward(**arrays, G=upstream.numpy())
    assert found.keys() == tensors.keys()
    for n, gradient in found.items():
        expected = tensors[n].grad.numpy()
        scale = abs(expected).max()
        np.testing.assert_allclose(gradient, expected, rtol=0, atol=rtol * scale, err_msg=n)


def test_a_transformer_block_is_read_with_its_names():
    module = Block(64, 4).double()
    problem = sd.trace(module, loss="L", x="B, T, 64")
    lines = problem.text.splitlines()
    assert [line.split(" = ")[0] for line in lines[:-1]] == [
        *("ln_1", "qkv", "q", "k", "att", "v", "y", "proj", "x1", "ln_2", "mlp"),
    ]
    assert lines[0] == "ln_1 = layernorm(x, 0.00001) * ln_1_weight.T + ln_1_bias.T"
    assert problem.variables["attn_qkv_weight"].declared == "192, 64"
    assert "causal_mask(T)" in problem.text
    agree(module, problem, torch.randn(2, 32, 64, dtype=torch.float64), 1e-12)


def test_sizes_of_an_example_are_symbols_where_the_module_leaves_them_free():
    problem = sd.trace(nn.Linear(4, 3), loss="L", input=torch.randn(7, 4))
    assert problem.text == "L(input @ weight.T + bias.T)"
    assert [v.declared for v in problem.variables.values()] == ["n, m", "n", "k, m"]
    fixed = sd.trace(Block(12, 3), loss="L", x=torch.randn(2, 5, 12))
    assert fixed.variables["ln_1_weight"].declared == "12"  # LayerNorm holds the number


def test_dropout_is_followed_in_evaluation_only():
    module = Perceptron().double()
    with pytest.raises(sd.SymderivError, match="dropout") as error:
        sd.trace(module, loss="L", x="n, 4")
    assert "model.eval()" in str(error.value)
    problem = sd.trace(module.eval(), loss="L", x="n, 4")
    assert problem.wrt == (
        "layers_0_weight",
        "layers_0_bias",
        "layers_1_weight",
        "layers_1_bias",
        "x",
    )
    agree(module, problem, torch.randn(5, 4, dtype=torch.float64), 1e-12)


def test_labels_of_an_example_have_the_classes_that_they_pick_from():
    labels = torch.tensor([[1, 2, 3], [4, 5, 6]])
    by_example = sd.trace(Bigram(), idx=labels, targets=labels)
    declared = sd.trace(Bigram(), idx="B, T label(10)", targets="B, T label(10)")
    assert declared.variables["idx"].declared == "B, T, 10 onehot"
    assert by_example.text.startswith("emb = idx @ emb_weight")
    assert "cross_entropy" in by_example.text


def _sorted(x):
    return torch.sort(x)[0].sum()


def _branch(x):
    return x.sum() if x[0] > 0 else -x.sum()


def _detached(x):
    return (x * x.detach()).sum()


def _misfit(X, W):
    return X @ W


REFUSED = [
    (_sorted, {"x": "n"}, r"in _sorted: torch's sort has no counterpart"),
    (_branch, {"x": "n"}, r"in _branch: .*[dD]ata-dependent"),
    (_detached, {"x": "n"}, "a gradient is stopped"),
    (_misfit, {"X": "n, d", "W": "m, k"}, r"in _misfit: "),
]


@pytest.mark.parametrize(("function", "declarations", "message"), REFUSED, ids=lambda x: "")
def test_what_cannot_be_followed_is_refused_with_its_line(function, declarations, message):
    with pytest.raises(sd.SymderivError, match=message):
        sd.trace(function, framework="torch", **declarations)
