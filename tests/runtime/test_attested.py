"""App Check tokens that held a moment ago are believed, for a while."""

import pytest

from creditbase.runtime.firebase_tokens import ATTESTED_MAX, Attested
from tests.runtime.signing import Signer
from tests.runtime.test_identity import USAGE, identify, tampered


def test_a_token_that_held_is_believed_until_it_expires_and_for_five_minutes_at_most() -> None:
    """An app shows the same one for an hour; keys that are withdrawn are soon missed."""
    attested = Attested()
    attested.keep("short", expires_at_s=1_100, now_s=1_000)
    attested.keep("long", expires_at_s=5_000, now_s=1_000)

    instants_s = (1_099, 1_100, 1_299, 1_300)
    held = {
        name: [at_s for at_s in instants_s if attested.holds(name, now_s=at_s)]
        for name in ("short", "long", "other")
    }

    assert held == {"short": [1_099], "long": [1_099, 1_100, 1_299], "other": []}


def test_no_more_tokens_are_believed_than_a_process_has_room_for() -> None:
    """Whoever sends many is verified each time, and fills nothing."""
    attested = Attested()
    for number in range(ATTESTED_MAX + 1):
        attested.keep(f"{number}", expires_at_s=9, now_s=0)

    assert attested.holds(f"{ATTESTED_MAX}", now_s=1)
    assert not attested.holds("0", now_s=1)


def test_who_was_attested_a_moment_ago_is_not_verified_again_and_others_are(
    signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The keys are gone, and the same token still holds; a new one cannot be verified."""
    headers = signer.headers("u1")
    assert identify(headers, USAGE).uid == "u1"
    other = {**headers, "X-Firebase-AppCheck": tampered(headers["X-Firebase-AppCheck"])}
    monkeypatch.setattr("firebase_admin.app_check.verify_token", lambda *_, **__: 1 // 0)

    assert identify(headers, USAGE).uid == "u1"
    with pytest.raises(ZeroDivisionError):
        identify(other, USAGE)
