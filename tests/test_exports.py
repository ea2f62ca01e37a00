"""What is deployed has one name, one row in the authorisation table, and one way in."""

import gc
import json
from types import SimpleNamespace
from typing import Any

import pytest

import main
from creditbase.runtime.authorization import ROUTES
from creditbase.runtime.garbage import YOUNG_MAX
from dev import exports
from dev.layout import ROOT


@pytest.fixture(scope="module")
def deployed() -> dict[str, Any]:
    """Return every export, as discovery at deploy time asks for it."""
    return {name: getattr(main, name) for name in dir(main)}


@pytest.fixture(scope="module")
def rewrites() -> list[dict[str, Any]]:
    """Return the rewrites of Hosting."""
    configuration = json.loads((ROOT / "firebase.json").read_text())
    found: list[dict[str, Any]] = configuration["hosting"]["rewrites"]
    return found


def a_function(name: str, *, is_http: bool = True) -> SimpleNamespace:
    """Return something that Firebase would deploy under a name."""
    endpoint = SimpleNamespace(entryPoint=name, httpsTrigger={} if is_http else None)
    return SimpleNamespace(__firebase_endpoint__=endpoint)


def test_every_export_is_deployed_under_its_own_name(deployed: dict[str, Any]) -> None:
    """Firebase finds a function by name; a mismatch would deploy well and then be 404."""
    assert deployed
    assert list(exports.misnamed(deployed)) == []

    # and a renamed function, or something else, would be seen
    assert list(exports.misnamed({"usage_me": a_function("usage")}))
    assert list(exports.misnamed({"usage_me": len}))


def test_what_is_loaded_is_not_looked_through_for_garbage_and_what_comes_later_is() -> None:
    """Collecting is off while a function is loaded, and on again for whoever answers."""
    gc.unfreeze()
    gc.set_threshold(700)

    assert main.plans

    assert gc.isenabled()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[0] == YOUNG_MAX


def test_every_export_has_a_row_in_the_authorization_table(deployed: dict[str, Any]) -> None:
    """Nobody has said who may call a function without a row."""
    assert list(exports.without_row(deployed, ROUTES)) == []

    # and a missing row, or a missing function, would be seen
    assert list(exports.without_row({"a": a_function("a")}, [])) == ["a has no row"]
    assert list(exports.without_row({"a": a_function("a", is_http=False)}, [])) == []
    row = SimpleNamespace(function="b", path="/b")
    assert list(exports.without_row({}, [row])) == ["b has a row and is not exported"]


def test_every_route_is_reached_through_hosting(rewrites: list[dict[str, Any]]) -> None:
    """A path that Hosting does not know is 404 for a browser, whatever the function can do."""
    assert list(exports.misrouted(rewrites, ROUTES)) == []

    # and a missing, a wrong and a useless rewrite would be seen
    row = SimpleNamespace(function="keys", path="/keys/{key_id}")
    wrong = {"source": "/keys/**", "function": {"functionId": "other"}}
    useless = {"source": "/old", "function": {"functionId": "keys"}}
    assert list(exports.misrouted([], [row])) == ["no rewrite leads to /keys/{key_id}"]
    assert list(exports.misrouted([wrong, useless], [row])) == [
        "/keys/{key_id} leads to other, not keys",
        "/old leads nowhere",
    ]
