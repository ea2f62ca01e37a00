"""Custom events on an Eventarc channel of the operator's.

The request is that of Eventarc's publishing API (`projects.locations.channels.publishEvents`,
version 1), as Firebase's Admin SDK for Node makes it; the one for Python has none.
"""

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import google.auth
import requests
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession

API = "https://eventarcpublishing.googleapis.com/v1/"
EMULATOR = "CLOUD_EVENTARC_EMULATOR_HOST"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
TIMEOUT_S = 10
TYPE_PREFIX = "creditbase.v1."


class NotPublished(Exception):
    """The channel did not take an event, or nobody knows. The message names no secret."""


def cloud_event(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return one of our events as Eventarc wants it: CloudEvents 1.0 in protobuf's JSON.

    The event's own id goes with it, so that a receiver knows a repeat. The time has a fraction
    because `firebase_functions` reads no other.
    """
    attributes = {
        "time": {"ceTimestamp": body["timestamp"].replace("Z", ".000000Z")},
        "datacontenttype": {"ceString": "application/json"},
    }
    return {
        "@type": "type.googleapis.com/io.cloudevents.v1.CloudEvent",
        "id": body["id"],
        "source": f"//creditbase/projects/{body['project_id']}",
        "specVersion": "1.0",
        "type": f"{TYPE_PREFIX}{body['type']}",
        "attributes": attributes,
        "textData": json.dumps(body["data"], ensure_ascii=False, separators=(",", ":")),
    }


def publish(channel: str, body: Mapping[str, Any]) -> None:
    """Publish one of our events to a channel; at least once, as it may be repeated.

    Raises:
        NotPublished: it was not taken, or nobody knows.
    """
    emulator = os.environ.get(EMULATOR, "")
    base = f"http://{emulator.removeprefix('http://')}/" if emulator else API
    try:
        session = requests.Session() if emulator else _authorized()
        answer = session.post(
            f"{base}{channel}:publishEvents",
            json={"events": [cloud_event(body)]},
            timeout=TIMEOUT_S,
        )
    except (requests.RequestException, GoogleAuthError) as failure:
        raise NotPublished("the channel does not answer") from failure
    if not answer.ok:
        raise NotPublished(f"the channel answered {answer.status_code}")


@cache
def _authorized() -> requests.Session:
    """Return a session with the function's own account, kept as long as the process."""
    found: Any = google.auth.default(scopes=[SCOPE])
    made: Any = AuthorizedSession
    session: requests.Session = made(found[0])
    return session
