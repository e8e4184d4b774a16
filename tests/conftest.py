"""Shared by all tests: deterministic property tests, and which cases of a law are quick.

A law that holds for hundreds of cases is tried at some of them in the quick suite, at the others
in the slow or the exhaustive one; all suites together try them all, and none draws lots.
"""

from collections.abc import Iterable, Sequence

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("repeatable")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark as slow, or as exhaustive, the cases that are not in the sample of their law."""
    laws: dict[str, list[pytest.Item]] = {}
    for item in items:
        if item.get_closest_marker("sampled"):
            laws.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for cases in laws.values():
        marker = cases[0].get_closest_marker("sampled")
        assert marker is not None
        for case in _rest(cases, marker):
            case.add_marker(marker.kwargs.get("rest", "slow"))


def _rest(cases: Sequence[pytest.Item], marker: pytest.Mark) -> Iterable[pytest.Item]:
    """Return the cases of a law that are not in the sample."""
    if "by" not in marker.kwargs:
        (every,) = marker.args
        return [c for k, c in enumerate(cases) if k % every]
    met: set[object] = set()
    found = []
    for case in cases:
        key = case.callspec.params[marker.kwargs["by"]]  # type: ignore[attr-defined]
        if key in met:
            found.append(case)
        met.add(key)
    return found
