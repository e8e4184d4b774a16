"""A derivation as a module for PyTorch: an autograd.Function, and an nn.Module around it.

Contract: the backward pass is what was derived, line by line; it saves what it reads and no more,
computes the gradients that are asked for, and can be differentiated again where second derivatives
were derived.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from ..derivation.derivations import DerivedGradients
from ..derivation.jacobians import DerivativeMatrix
from ..derivation.names_met import names_used
from ..problems.numpy_axes import array_shape
from .assignments import Assignment, plan
from .keeping import kept_values
from .library_modules import LibraryBuilder, LibraryModule
from .literals import docstring, quoted
from .numpy_code import Coder, is_number, is_trivial, python_name
from .parameters import parameters_of
from .source_layout import WIDE, assignments, listed, sentence, spaced
from .torch_helpers import TORCH
from .translation import names_in

_NONES = 8  # gradients that are set to None in one line

# What an nn.Module has an attribute of: a parameter of the name would hide it.
_TAKEN = frozenset(
    (
        "T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda "
        "double dump_patches eval extra_repr float forward get_buffer get_extra_state "
        "get_parameter get_submodule half ipu load_state_dict modules mtia named_buffers "
        "named_children named_modules named_parameters parameters register_backward_hook "
        "register_buffer register_forward_hook register_forward_pre_hook "
        "register_full_backward_hook register_full_backward_pre_hook "
        "register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module "
        "register_parameter register_state_dict_post_hook register_state_dict_pre_hook "
        "requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train "
        "training type xpu zero_grad"
    ).split()
)


def torch_module_of(
    derivation: DerivedGradients,
    name: str | None = None,
    matrices: Sequence[DerivativeMatrix] = (),
    parameters: Sequence[str] | None = None,
) -> LibraryModule:
    """Return the PyTorch module of a derivation; ``matrices`` are the Hessians derived with it.

    Raises UnsupportedError, which names the operator, where PyTorch has no code for one.
    """
    name = name or derivation.problem.name.replace("-", "_")
    return TorchBuilder(derivation, name, matrices, parameters).library_module()


class TorchBuilder(LibraryBuilder):
    """Writes the module for PyTorch."""

    library = TORCH

    def __init__(
        self,
        derivation: DerivedGradients,
        name: str,
        matrices: Sequence[DerivativeMatrix] = (),
        parameters: Sequence[str] | None = None,
    ) -> None:
        super().__init__(derivation, name, matrices)
        self.twice = any(m.of for m in self.matrices)
        whole = "".join(part.capitalize() for part in name.split("_"))
        self.module_class = self._fresh(whole)
        self.function_class = self._fresh(f"{whole}Function")
        self.parameters = parameters_of(self.problem, list(derivation), parameters)

    def library_module(self) -> LibraryModule:
        """Return the module."""
        backward = self._function_class()
        forward, outputs = self._forward()
        others = [source for m in self.matrices for source, _ in self._matrix(m)]
        entry = self._entry(outputs)
        assert self.target is not None
        parts = [forward, backward, entry, self._layer(), *others]
        helpers = self.target.sources(*parts)
        body = [self._shapes(), self.target.read, *helpers, *(f"\n{part}" for part in parts)]
        whole = "\n".join(p.strip("\n") if p else "" for p in body)
        plain = ["import torch", *(["from torch import nn"] if "nn." in whole else [])]
        head = self._head("forward and backward pass for PyTorch", self._imports(whole, plain))
        matrices = [n for m in self.matrices for n in (m.name, m.product) if n != "backward" and n]
        return LibraryModule(
            library="torch",
            name=f"{self.name}_torch",
            source=spaced("\n".join([*head, "", whole]) + "\n"),
            excerpt=backward.replace("\n\n", "\n"),
            function=self.function_name,
            forward=tuple(self.names),
            sizes=tuple(self.hidden),
            functions=tuple(self.orders.items()),
            gradients=tuple(self.derivation),
            twice=self.twice,
            others=(
                ("layer", self.module_class),
                ("autograd_function", self.function_class),
                *((n, n) for n in matrices),
            ),
            parameters=self.parameters,
        )

    # the autograd.Function

    def _function_class(self) -> str:
        """Return the class, and fill what the other parts need."""
        outputs = self._results()
        results = self.results = [x for _, x in outputs]
        self.kept = kept_values(results, self.named, self.given, self._fresh)
        coder = Coder({k.expr: k.name for k in self.kept if not k.expr.is_name})
        aliases = [e for e in names_used(results, self.named) if is_trivial(e.args[0])]
        core = plan(outputs, coder, self.taken)
        renamed = plan(self._stage_lines(coder, aliases), coder, self.taken)
        self.helpers.update(coder.helpers)
        assert self.target is not None
        lines = self.target.assignments([*renamed, *core])
        about = ['    """The value, and the backward pass that was derived."""']
        return "\n".join(
            [
                f"class {self.function_class}(torch.autograd.Function):",
                *about,
                "",
                *self._saving(lines, coder),
                "",
                *self._restoring(lines, coder),
            ]
        )

    def _read_directly(self, lines: Sequence[Assignment]) -> list[str]:
        """Return the variables that the backward pass reads, all where it is run again."""
        used = {n for line in lines for n in names_in(line.code)}
        return [n for n in self.arrays if self.twice or python_name(n) in used]

    def _wanted_sizes(self, coder: Coder) -> list[str]:
        return [d for d in coder.sizes if d not in self.hidden]

    def _saving(self, lines: Sequence[Assignment], coder: Coder) -> list[str]:
        """Return the method that computes the value and saves what the backward pass reads."""
        plain = [*self.names, *self.keywords]
        body = []
        without = [k for k, n in enumerate(self.arrays) if n not in self.derivation]
        if without:
            names = ", ".join(python_name(self.arrays[k]) for k in without)
            test = f"ctx.needs_input_grad[{without[0]}]"
            if len(without) > 1:
                places = ", ".join(map(str, without))
                test = f"any(ctx.needs_input_grad[k] for k in ({places}))"
            body += [
                f"        if {test}:",
                "            raise ValueError("
                f'"no gradient was derived with respect to {names}: detach it")',
            ]
        cache = ["        cache = {}"] if self.kept else []
        call = self._call("value = forward", *(["cache=cache"] if self.kept else []))
        saved = [*(python_name(n) for n in self._read_directly(lines))]
        saved += [f"cache[{quoted(k.name)}]" for k in self.kept]
        kept = listed("ctx.save_for_backward(", saved, ")", 8) if saved else []
        if self._wanted_sizes(coder):
            read = [f"{n}={n}" for n in self.names]
            kept += listed("_, ctx.sizes, _ = _read(", read, ")", 8)
        for n in self.shape_names:
            kept.append(f"        ctx.{self.shape_names[n]} = {python_name(n)}.shape")
        kept += [f"        ctx.{k} = {k}" for k in self._needed_keywords(lines, coder)]
        head = listed("def forward(", ["ctx", *plain], "):", 4)
        return ["    @staticmethod", *head, *body, *cache, *call, *kept, "        return value"]

    def _needed_keywords(self, lines: Sequence[Assignment], coder: Coder) -> list[str]:
        used = {n for line in lines for n in names_in(line.code)}
        return [k for k in self.keywords if self.twice or k in used or k in coder.sizes]

    def _restoring(self, lines: Sequence[Assignment], coder: Coder) -> list[str]:
        """Return the method that computes the gradients that are asked for."""
        given = self._given_name()
        read = self._read_directly(lines)
        names = [*map(python_name, read), *(k.name for k in self.kept)]
        body = [f"        {k} = ctx.{k}" for k in self._needed_keywords(lines, coder)]
        if names:
            comma = "," if len(names) == 1 else ""
            whole = f"        {', '.join(names)}{comma} = ctx.saved_tensors"
            fits = len(whole) <= WIDE
            body += [whole] if fits else listed("(", names, ") = ctx.saved_tensors", 8)
        if self.twice and self.kept:
            named = [f"{k}={k}" for k in self.keywords]
            again = [*self.names, *named, "cache=cache"]
            body += [
                "        if torch.is_grad_enabled():  # every line is differentiated again",
                "            cache = {}",
                *listed("forward(", again, ")", 12),
                *(f"            {k.name} = cache[{quoted(k.name)}]" for k in self.kept),
            ]
        if any("dtype" in line.code or "device" in line.code for line in lines):
            body.append(f"        dtype, device = {given}.dtype, {given}.device")
        wanted = self._wanted_sizes(coder)
        body += [f"        {d} = ctx.sizes[{quoted(d)}]" for d in wanted]
        thin = [n for n in [*read, *self.given] if self._is_thin(n)]
        body += [f"        {python_name(n)} = {python_name(n)}.{self._flat(n)}" for n in thin]
        # PyTorch's once_differentiable lets a second derivative pass as 0 where the given gradient
        # is a constant.
        refused = [
            "        if torch.is_grad_enabled():",
            '            raise RuntimeError("a gradient cannot be differentiated: derive order 2")',
        ]
        return [
            "    @staticmethod",
            f"    def backward(ctx, {given}):",
            *([] if self.twice else refused),
            *body,
            *self._gradient_lines(lines),
            *self._returned(given),
        ]

    def _flat(self, name: str) -> str:
        return "reshape(-1)" if array_shape(self._shape(name)) else "reshape(())"

    def _gradient_lines(self, lines: Sequence[Assignment]) -> list[str]:
        """Return the assignments, those of one gradient alone where that is asked for."""
        names = {python_name(g): n for n, g in self.gradient_names.items()}
        readers: dict[str, set[str]] = {line.name: set() for line in lines}
        for line in reversed(lines):
            if line.name in names:
                readers[line.name].add(names[line.name])
            for n in names_in(line.code) & readers.keys():
                readers[n] |= readers[line.name]
        rows = [list(names)[k : k + _NONES] for k in range(0, len(names), _NONES)]
        found = [f"        {' = '.join(row)} = None" for row in rows]

        def owner(line: Assignment) -> str:
            owners = readers[line.name]
            return next(iter(owners)) if len(owners) == 1 else ""

        for name, block in groupby(lines, owner):
            if name:
                place = self.arrays.index(name)
                found.append(f"        if ctx.needs_input_grad[{place}]:")
            found += assignments(list(block), 12 if name else 8)
        return found

    def _returned(self, given: str) -> list[str]:
        """Return the last lines: a gradient, or None, for every argument."""
        outputs = dict(self._results())
        numbers = [n for n, x in outputs.items() if x.is_scalar and is_number(x)]
        found = []
        for n, g in self.gradient_names.items():
            shape = self.shape_names.get(n)
            if g in numbers:
                found += [
                    f"        if {g} is not None:",
                    f"            {g} = torch.as_tensor({g}, dtype={given}.dtype, "
                    f"device={given}.device)",
                ]
            if shape:
                found += [
                    f"        if {g} is not None:",
                    f"            {g} = torch.reshape({g}, ctx.{shape})",
                ]
        items = [self.gradient_names.get(n, "None") for n in self.arrays]
        items += ["None"] * len(self.keywords)
        if self.given:
            whole = f"        return {', '.join(items)}"
            return [*found, *([whole] if len(whole) <= WIDE else listed("return (", items, ")", 8))]
        comma = "," if len(items) == 1 else ""
        found += listed("gradients = (", items, f"{comma})", 8)
        return [
            *found,
            f"        return tuple(None if g is None else {given} * g for g in gradients)",
        ]

    def _opening(self, names: Sequence[str], coder: Coder, wants_dtype: bool) -> list[str]:
        lines = super()._opening(names, coder, wants_dtype)
        device = [f"    device = {python_name(names[0])}.device"] if wants_dtype else []
        return [*lines, *device]

    # what is called

    def _entry(self, outputs: Sequence[str]) -> str:
        """Return the function that checks its arguments, and calls the autograd.Function."""
        names = ", ".join(outputs)
        derived = [python_name(n) for n in self.derivation]
        head = f"Return {names}; autograd takes the derived gradients by "
        keywords = [*(["*"] if self.keywords else []), *self.keywords]
        read = [f"{n}={n}" for n in self.names]
        arguments = ["*arrays", *self.keywords]
        about = [
            *sentence(head, derived, ".", room=3),
            "",
            *self._parameters(self.arrays),
        ]
        if not self.twice:
            about += ["    They cannot be differentiated again: that raises an error."]
        return "\n".join(
            [
                *listed(f"def {self.function_name}(", [*self.names, *keywords], "):", 0),
                *docstring(about),
                *listed("arrays, _, _ = _read(", read, ")"),
                *listed(f"return {self.function_class}.apply(", arguments, ")"),
            ]
        )

    def _layer(self) -> str:
        """Return the nn.Module that holds the parameters."""
        held = {n: self._attribute(n) for n in self.parameters}
        given = [n for n in self.arrays if n not in held]
        values = [f"self.{held[n]}" if n in held else python_name(n) for n in self.arrays]
        values += [f"{k}=self.{k}" if k in self.hidden else f"{k}={k}" for k in self.keywords]
        made = [*held.values(), *(["*", *self.hidden] if self.hidden else [])]
        called = [*map(python_name, given), *(["*", *self.orders] if self.orders else [])]
        lines = [
            f"class {self.module_class}(nn.Module):",
            *docstring(self._about_layer(held, given)),
            "",
            *listed("def __init__(", ["self", *made], "):", 4),
            "        super().__init__()",
            *(f"        self.{a} = nn.Parameter(torch.as_tensor({a}))" for a in held.values()),
            *(f"        self.{d} = {d}" for d in self.hidden),
            "",
            *listed("def forward(", ["self", *called], "):", 4),
            *listed(f"return {self.function_name}(", values, ")", 8),
        ]
        return "\n".join(lines)

    def _attribute(self, name: str) -> str:
        plain = python_name(name)
        return f"{plain}_" if plain in _TAKEN else plain

    def _about_layer(self, held: dict[str, str], given: Sequence[str]) -> list[str]:
        title = f"    {self.problem.title}: an nn.Module."
        if not held:
            return [title, "", "    It has no parameters: all arrays are given at each call."]
        first = sentence("It is made of the first values of its parameters ", [*held.values()], ".")
        if not given:
            return [title, "", *first]
        called = [python_name(n) for n in given]
        return [title, "", *first, *sentence("It is called on ", called, ".")]
