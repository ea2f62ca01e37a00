"""What a module of tests leaves behind is gone before the next begins.

The emulator answers a query by looking at every document of its project: what others have
left makes each one slower, and jobs find it due. What a process remembered of it goes, too.
"""

import functools
import sys

import requests

KEPT = frozenset({"settings", "client", "shipped_book", "read_line", "_fields", "_templates"})
"""What was never read from the store, and takes its time to make."""
WITHIN_S = 60


def empty(host: str, project: str) -> None:
    """Let the emulator have no documents in a project."""
    url = f"http://{host}/emulator/v1/projects/{project}/databases/(default)/documents"
    with requests.Session() as client:
        client.trust_env = False
        client.delete(url, timeout=WITHIN_S).raise_for_status()


def forget() -> None:
    """Let this process be as one that has just been started."""
    for name, module in list(sys.modules.items()):
        if name.startswith("creditbase."):
            for kept in list(vars(module).values()):
                if isinstance(kept, functools._lru_cache_wrapper) and kept.__name__ not in KEPT:
                    kept.cache_clear()
