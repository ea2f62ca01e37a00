"""Whether servers answer: readiness by asking, and each function's first request.

A function's first request starts its process. Several cold starts at once are unreliable in
the emulator (two may take the same port and hang), so each is warmed with one request, alone.
"""

import contextlib
import socket
from dataclasses import dataclass

import psutil
import requests

from dev.background import Failed, tail
from dev.layout import REGION, Layout

COLD_START_WITHIN_S = 60


@dataclass(frozen=True)
class Function:
    """One emulated function, and how it is called directly."""

    name: str
    url: str
    is_scheduled: bool


def answers(url: str) -> bool:
    """Whether a server answers at all, whatever it says."""
    with contextlib.suppress(requests.RequestException):
        requests.get(url, timeout=5)
        return True
    return False


def is_healthy(url: str) -> bool:
    """Whether a server says that it is well."""
    with contextlib.suppress(requests.RequestException):
        return requests.get(url, timeout=5).ok
    return False


def functions(layout: Layout) -> list[Function]:
    """Return what the emulator has loaded, in order of name."""
    backends = requests.get(f"{layout.url('functions')}/backends", timeout=10).json()[
        "backends"
    ]
    found = []
    for trigger in (t for backend in backends for t in backend["functionTriggers"]):
        name = trigger["entryPoint"]
        is_scheduled = "eventTrigger" in trigger or "schedule" in trigger
        url = f"{layout.functions_url}/{name}"
        if is_scheduled:
            url = schedule_url(layout, name)
        found.append(Function(name, url, is_scheduled))
    return sorted(found, key=lambda function: function.name)


def schedule_url(layout: Layout, name: str) -> str:
    """Return where a scheduled function is triggered by hand, with POST."""
    triggers = f"{layout.url('functions')}/functions/projects/{layout.project}/triggers"
    return f"{triggers}/{REGION}-{name}-0"


def warm(function: Function, layout: Layout) -> None:
    """Send a function its first request. Any answer but a server error will do.

    Raises: Failed.
    """
    try:
        if function.is_scheduled:
            answer = requests.post(function.url, json={}, timeout=COLD_START_WITHIN_S)
        else:
            answer = requests.options(function.url, timeout=COLD_START_WITHIN_S)
    except requests.RequestException as problem:
        said = f"no answer ({type(problem).__name__})"
    else:
        if answer.status_code < 500:
            return
        said = f"status {answer.status_code}: {answer.text[:300]}"
    log = layout.logs / "firebase.log"
    raise Failed(f"The function {function.name} does not start: {said}\n{tail(log)}")


def users_of(ports: dict[str, int]) -> list[str]:
    """Return a line for each port that is in use, with who to ask where that can be seen."""
    return [
        f"port {port} (for {name}) is in use by {_owner(port)}"
        for name, port in ports.items()
        if not _is_free(port)
    ]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _owner(port: int) -> str:
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            is_listening = connection.status == psutil.CONN_LISTEN
            if is_listening and connection.laddr and connection.laddr[1] == port:
                if connection.pid is None:
                    break
                command = " ".join(psutil.Process(connection.pid).cmdline())
                return f"pid {connection.pid}: {command[:100]}"
    return "a process that this user may not see (`sudo ss -ltnp` names it)"
