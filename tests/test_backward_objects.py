"""Backward passes of layers and networks that are objects, as people write them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symderiv as sd

RNG = np.random.default_rng(0)


class Dense:
    """Weights and gradients are attributes; the bias begins at zero."""

    def __init__(self, d: int = 3, m: int = 2) -> None:
        self.W, self.b = RNG.normal(size=(d, m)), np.zeros(m)

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout: Any) -> Any:
        self.dW, self.db = self.x.T @ dout, self.along(dout)
        return dout @ self.W.T

    def along(self, dout: Any) -> Any:
        return dout.sum(axis=0)


class Constant(Dense):
    """All weights begin as constants, and lie the other way round."""

    def __init__(self) -> None:
        self.W, self.b = np.full((2, 3), 0.1), np.ones(2)

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.W.T + self.b

    def backward(self, dout: Any) -> Any:
        self.grad_W, self.grad_b = dout.T @ self.x, self.along(dout)
        return dout @ self.W


class Adding(Dense):
    """Gradients are added to what was there."""

    def __init__(self) -> None:
        super().__init__()
        self.dW, self.db = np.ones((3, 2)), np.zeros(2)

    def backward(self, dout: Any) -> Any:
        self.dW += self.x.T @ dout
        self.db += self.along(dout)
        return dout @ self.W.T


class InDicts(Dense):
    """Weights and gradients lie in dicts."""

    def __init__(self) -> None:
        self.params = {"W": RNG.normal(size=(3, 2)), "b": np.zeros(2)}
        self.grads: dict[str, Any] = {}

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, dout: Any) -> Any:
        self.grads["W"], self.grads["b"] = self.x.T @ dout, self.along(dout)
        return dout @ self.params["W"].T


class InLists(Dense):
    """Weights and gradients lie in lists, and the gradients are written in place."""

    def __init__(self) -> None:
        self.params = [RNG.normal(size=(3, 2)), np.zeros(2)]
        self.grads = [np.zeros((3, 2)), np.zeros(2)]

    def forward(self, x: Any) -> Any:
        self.x = x
        W, b = self.params
        return x @ W + b

    def backward(self, dout: Any) -> Any:
        self.grads[0][...] = self.x.T @ dout
        self.grads[1][...] = self.along(dout)
        return dout @ self.params[0].T


class Parameter:
    """An array with its gradient."""

    def __init__(self, data: Any) -> None:
        self.data, self.grad = data, np.zeros_like(data)


class WithParameters(Dense):
    """Weights know their gradients."""

    def __init__(self) -> None:
        self.W, self.b = Parameter(RNG.normal(size=(3, 2))), Parameter(np.zeros(2))

    def forward(self, x: Any) -> Any:
        self.x = x
        return x @ self.W.data + self.b.data

    def backward(self, dout: Any) -> Any:
        self.W.grad += self.x.T @ dout
        self.b.grad += self.along(dout)
        return dout @ self.W.data.T


class Leaky:
    """The slope is a number."""

    def __init__(self) -> None:
        self.a = 0.25

    def forward(self, x: Any) -> Any:
        self.x = x
        return np.where(x > 0, x, self.a * x)

    def backward(self, dout: Any) -> Any:
        self.da = (dout * self.x * (self.x < 0)).sum()
        return dout * np.where(self.x > 0, 1.0, self.a)


class Net:
    """Layers in a list; the gradients stay in the layers."""

    def __init__(self, layer: type) -> None:
        self.layers = [layer(), Leaky(), Dense(2, 4)]

    def forward(self, x: Any) -> Any:
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dout: Any) -> Any:
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout


LAYERS = [Dense, Constant, Adding, InDicts, InLists, WithParameters]


def mean_along(self: Any, dout: Any) -> Any:
    return dout.mean(axis=0)


def verdicts(found: Any) -> dict[str, str]:
    return {n: v.verdict for n, v in found.items()}


@pytest.mark.parametrize("kind", LAYERS)
def test_every_gradient_that_a_layer_leaves_is_compared(kind: type) -> None:
    layer = kind()
    before = repr(vars(layer)) if kind is not WithParameters else ""
    found = sd.check(layer.forward, claim=layer.backward, x="n, 3")
    assert [*verdicts(found).values()] == ["right"] * 3, str(found)
    assert not before or repr(vars(layer)) == before  # the object is as it was


@pytest.mark.parametrize("kind", LAYERS)
def test_a_wrong_gradient_of_a_bias_that_begins_at_zero_is_seen(kind: type) -> None:
    layer = type("Wrong", (kind,), {"along": mean_along})()
    found = sd.check(layer.forward, claim=layer.backward, x="n, 3")
    assert sorted(verdicts(found).values()) == ["right", "right", "wrong"]
    assert not found
    (wrong,) = found.wrong
    assert found[wrong].slips == ("sum-vs-mean",)


def test_a_float_of_an_object_is_a_parameter() -> None:
    layer = Leaky()
    found = sd.check(layer.forward, claim=layer.backward, x="n, 3")
    assert verdicts(found) == {"x": "right", "a": "right"}
    assert vars(layer) == {"a": 0.25}


@pytest.mark.parametrize("kind", [Dense, InDicts])
def test_the_layers_of_a_network_are_compared(kind: type) -> None:
    net = Net(kind)
    found = sd.check(net.forward, claim=net.backward, x="n, 3")
    assert verdicts(found) == dict.fromkeys(
        ["x", "layers0_W", "layers0_b", "a", "layers2_W", "layers2_b"], "right"
    )
    net = Net(type("Wrong", (kind,), {"along": mean_along}))
    assert sd.check(net.forward, claim=net.backward, x="n, 3").wrong == ["layers0_b"]


def test_an_object_that_a_function_calls_is_followed() -> None:
    layer = Dense()
    found = sd.check(lambda x: layer.forward(x), claim=lambda g: layer.backward(g), x="n, 3")
    assert verdicts(found) == {"x": "right", "W": "right", "b": "right"}


def test_a_gradient_left_of_what_the_forward_pass_does_not_use_is_said() -> None:
    class Without(Dense):
        def forward(self, x: Any) -> Any:
            self.x = x
            return x @ self.W

    layer = Without()
    found = sd.check(layer.forward, claim=layer.backward, x="n, 3")
    assert verdicts(found) == {"x": "right", "W": "right", "b": "undecided"}
    assert "leaves db" in found["b"].diagnosis
    assert not found


def linear(x: Any, w: Any, b: Any) -> Any:
    return x @ w + b


@pytest.mark.parametrize("key", ["bias", "dbias", "offset"])
def test_a_key_that_names_no_variable_is_not_left_out(key: str) -> None:
    def backward(G: Any, x: Any) -> Any:
        return {"w": x.T @ G, key: G.mean(0)}

    found = sd.check(linear, claim=backward, x="n, d", w="d, m", b="m")
    assert not found
    assert found["w"].verdict == "right"
    (other,) = (v for n, v in found.items() if n != "w")
    assert (other.verdict, other.slips) == ("undecided", ("unread",))
    assert repr(key) in other.diagnosis
    assert "no gradient with respect to x" in str(found)


def test_the_case_of_a_key_does_not_matter_where_one_variable_is_meant() -> None:
    found = sd.check(
        linear,
        claim=lambda G, x: {"w": x.T @ G, "B": G.mean(0)},
        x="n, d",
        w="d, m",
        b="m",
    )
    assert verdicts(found) == {"w": "right", "b": "wrong"}


def test_the_value_and_a_cache_beside_gradients_are_no_claims() -> None:
    def backward(G: Any, x: Any, w: Any) -> Any:
        return {"loss": 1.0, "out": x @ w, "dw": x.T @ G, "probs": x}

    assert sd.check(linear, claim=backward, x="n, d", w="d, m", b="m")


def two_layers(params: Any, X: Any, T: Any, scale: float = 0.5) -> Any:
    h = np.tanh(X @ params["first"]["W"] + params["first"]["b"])
    r = h @ params["second"]["W"] - T
    return scale * np.sum(r * r)


def two_layers_backward(params: Any, X: Any, T: Any, scale: float) -> Any:
    h = np.tanh(X @ params["first"]["W"] + params["first"]["b"])
    r = 2 * scale * (h @ params["second"]["W"] - T)
    dz = (r @ params["second"]["W"].T) * (1 - h**2)
    return {"first": {"W": X.T @ dz, "b": dz.sum(0)}, "second": {"W": h.T @ r}}


def test_a_tree_of_parameters_goes_both_ways() -> None:
    tree = {"first": {"W": "d, m", "b": "m"}, "second": {"W": "m, k"}}
    found = sd.check(
        two_layers, claim=two_layers_backward, params=tree, X="n, d", T="n, k", scale=0.5
    )
    assert verdicts(found) == dict.fromkeys(["params_first_W", "b", "params_second_W"], "right")


def value_and_gradients(params: Any, X: Any, T: Any) -> Any:
    r = X @ params["W"] - T
    return 0.5 * np.sum(r * r), {"W": X.T @ r}


def value_and_gradient(W: Any, X: Any, T: Any) -> Any:
    r = X @ W - T
    return 0.5 * np.sum(r * r), X.T @ r


def test_one_function_may_return_the_value_and_the_gradients() -> None:
    shapes = {"X": "n, d", "T": "n, k"}
    for f, w in (
        (value_and_gradients, {"params": {"W": "d, k"}}),
        (value_and_gradient, {"W": "d, k"}),
    ):
        assert verdicts(sd.check(f, claim=f, **w, **shapes)) == {"W": "right"}


def test_arrays_of_objects_are_variables_where_they_are_asked_for() -> None:
    layer = Constant()
    p = sd.trace(layer.forward, loss="L", wrt=["W", "b"], x="n, 3")
    assert p.text == "L(x @ W.T + b.T)"
    assert sd.derive(p)["W"].text == "G.T @ x"
    assert [*vars(layer)] == ["W", "b"]
