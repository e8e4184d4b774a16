"""Index terms, canonical and hash-consed: their factors, and what contracts and adds them."""

from ..core.scale import Scale
from .contractions import (
    add,
    components,
    connected,
    constant,
    contract,
    is_symmetric,
    monomial,
    scaled,
    share,
    summands,
    transposed,
)
from .orientation import COLUMN, INNER, ROW, Value, gathered, labels, product, spread
from .parts import Parts, orders, plain, rebuilt
from .terms import (
    Factor,
    Function,
    Label,
    Term,
    call,
    delta,
    factors_of,
    fuse,
    is_entrywise,
    is_whole,
    is_zero,
    leaf,
    moves_entries,
    named,
    plain_number,
    unit,
    walk_terms,
    zero,
)
