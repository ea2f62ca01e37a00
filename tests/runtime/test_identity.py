"""Credentials are verified for real: no Auth emulator, only keys that are ours to sign with."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from creditbase.kernel.errors import Unauthenticated, Unavailable
from creditbase.kernel.ids import API_KEY_PREFIX, SECRET_KEY_PREFIX, credential, sha256_hex
from creditbase.runtime.authorization import routes_of
from creditbase.runtime.identity import Authenticator, Caller, CallerKind, KeyHolder
from creditbase.runtime.routes import Route
from creditbase.runtime.settings import settings
from tests.runtime.signing import Signer, new_key, signed_with_the_public_key, unsigned
from tests.runtime.wiring import forget_firebase

HUB = "hub-project"
TOPUP = routes_of("billing_topup")[0]
USAGE = routes_of("usage_me")[0]
CHARGE = routes_of("meter")[0]
WEBHOOK = routes_of("billing_webhook")[0]
API_KEY = credential(API_KEY_PREFIX, bytes(range(32)))
SECRET_KEY = credential(SECRET_KEY_PREFIX, bytes(range(32)))
HOLDER = KeyHolder(project_id="p1", key_id="key_1", uid="u9", customer_id="c9")


def identify(headers: dict[str, str], route: Route = TOPUP, **finders: Any) -> Caller:
    """Ask who sends these headers to a route."""
    return Authenticator(project_id=HUB, **finders).identify(Headers(headers), route)


def knowing(secret: str) -> Callable[[str, datetime], KeyHolder | None]:
    """Return a look-up that knows one key."""
    return lambda digest, _now: HOLDER if digest == sha256_hex(secret) else None


def never(digest: str, now: datetime) -> KeyHolder | None:
    """Fail: this look-up must not be asked."""
    raise AssertionError(digest)


class TestFirebase:
    """Both of Firebase's tokens, App Check first."""

    def test_a_signed_in_browser_of_our_app_is_its_user(self, signer: Signer) -> None:
        """The good case, so that the refusals below are not refusals of everything."""
        caller = identify(signer.headers("u1"))

        assert caller.signed_in_at is not None
        assert replace(caller, signed_in_at=None) == Caller(
            kind=CallerKind.FIREBASE, project_id=HUB, uid="u1"
        )

    @pytest.mark.parametrize("told", ["yesterday", -1, 2**60])
    def test_when_somebody_signed_in_is_believed_where_it_is_an_instant(
        self, signer: Signer, told: object
    ) -> None:
        """A token that does not say it is old: nothing is erased by it."""
        app = signer.app_token()
        token = signer.id_token("u1", auth_time=told)
        headers = {"Authorization": f"Bearer {token}", "X-Firebase-AppCheck": app}

        assert identify(headers).signed_in_at is None

    def test_an_address_counts_only_when_it_is_verified(self, signer: Signer) -> None:
        """Anybody can sign up with somebody else's address."""
        app = signer.app_token()
        for is_verified, expected in ((True, "a@b.example"), (False, "")):
            token = signer.id_token("u1", email="a@b.example", email_verified=is_verified)
            headers = {"Authorization": f"Bearer {token}", "X-Firebase-AppCheck": app}

            assert identify(headers).email == expected

    @pytest.mark.parametrize(
        "make",
        [
            lambda s: s.id_token("u1", iat=int(time.time()) - 7200, exp=int(time.time()) - 60),
            lambda s: s.id_token("u1", iat=int(time.time()) + 600),
            lambda s: s.sign(s.id_claims("u1"), key=new_key()),
            lambda s: s.sign(s.id_claims("u1"), kid="k2"),
            lambda s: s.id_token("u1", aud="another-project"),
            lambda s: s.id_token("u1", iss="https://securetoken.google.com/another-project"),
            lambda s: s.id_token(""),
            lambda s: s.id_token("u" * 129),
            lambda s: s.id_token("a/b"),
            lambda s: s.id_token("__reserved__"),
            lambda s: unsigned(s.id_claims("u1")),
            lambda s: signed_with_the_public_key(s, s.id_claims("u1")),
            lambda s: tampered(s.id_token("u1")),
            lambda s: s.app_token(),
            lambda _: "junk",
            lambda _: "x" * 100_000,
            lambda _: "",
        ],
        ids=[
            *("expired", "from the future", "forged", "wrong kid", "wrong audience"),
            *("wrong issuer", "no uid", "long uid", "uid with a slash", "reserved uid"),
            *("alg none", "HS256", "tampered", "an App Check token", "junk", "huge", "empty"),
        ],
    )
    def test_a_bad_id_token_is_refused(
        self, signer: Signer, make: Callable[[Signer], str]
    ) -> None:
        """Each of these was accepted somewhere once; the Auth emulator accepts several."""
        headers = {
            "Authorization": f"Bearer {make(signer)}",
            "X-Firebase-AppCheck": signer.app_token(),
        }

        with pytest.raises(Unauthenticated) as refused:
            identify(headers)

        assert refused.value.reason == ""

    @pytest.mark.parametrize(
        "make",
        [
            lambda s: s.app_token(exp=int(time.time()) - 60),
            lambda s: s.sign(s.app_claims(), key=new_key()),
            lambda s: s.sign(s.app_claims(), kid="k2"),
            lambda s: s.app_token(aud=["projects/123", "projects/another-project"]),
            lambda s: s.app_token(aud=f"projects/{s.project}"),
            lambda s: s.app_token(iss="https://evil.example/"),
            lambda s: s.sign({k: v for k, v in s.app_claims().items() if k != "iss"}),
            lambda s: s.sign({k: v for k, v in s.app_claims().items() if k != "exp"}),
            lambda s: s.sign({k: v for k, v in s.app_claims().items() if k != "sub"}),
            lambda s: unsigned(s.app_claims()),
            lambda s: signed_with_the_public_key(s, s.app_claims()),
            lambda s: tampered(s.app_token()),
            lambda s: s.id_token("u1"),
            lambda _: "junk",
            lambda _: "x" * 100_000,
            lambda _: "",
        ],
        ids=[
            *("expired", "forged", "wrong kid", "wrong project", "audience no list"),
            *("wrong issuer", "no issuer", "no expiry", "no app", "alg none", "HS256"),
            *("tampered", "an ID token", "junk", "huge", "empty"),
        ],
    )
    def test_a_bad_app_check_token_is_refused_before_the_user_is_looked_at(
        self, signer: Signer, make: Callable[[Signer], str]
    ) -> None:
        """A stolen ID token alone must not work from a script."""
        headers = {
            "Authorization": f"Bearer {signer.id_token('u1')}",
            "X-Firebase-AppCheck": make(signer),
        }

        with pytest.raises(Unauthenticated) as refused:
            identify(headers)

        assert refused.value.reason == "APP_CHECK_FAILED"

    def test_each_of_the_two_is_needed(self, signer: Signer) -> None:
        """What is missing decides the code; nothing at all is simply not signed in."""
        both = signer.headers("u1")
        for missing, reason in (
            ("X-Firebase-AppCheck", "APP_CHECK_FAILED"),
            ("Authorization", ""),
        ):
            with pytest.raises(Unauthenticated) as refused:
                identify({name: value for name, value in both.items() if name != missing})
            assert refused.value.reason == reason
        with pytest.raises(Unauthenticated) as refused:
            identify({})
        assert refused.value.reason == ""

    def test_another_scheme_than_bearer_is_no_credential(self, signer: Signer) -> None:
        """A basic password that happens to be a token is not what the route takes."""
        headers = signer.headers("u1")
        headers["Authorization"] = headers["Authorization"].replace("Bearer", "Basic")

        with pytest.raises(Unauthenticated):
            identify(headers)

    def test_the_keys_are_fetched_once(self, signer: Signer) -> None:
        """Verifying must not cost a request to Google each time."""
        identify(signer.headers("u1"))
        before = signer.keys_asked

        for _ in range(5):
            identify(signer.headers("u1"))

        assert signer.keys_asked == before

    def test_without_keys_to_verify_with_nobody_is_let_in(
        self, signer: Signer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Fail closed, and honestly: the caller may try again."""
        monkeypatch.setenv("APP_CHECK_JWKS_URL", "http://127.0.0.1:1/jwks")
        forget_firebase()

        with pytest.raises(Unavailable):
            identify(signer.headers("u1"))

    def test_without_certificates_nobody_is_let_in(
        self, signer: Signer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same for the user's own token."""
        monkeypatch.setattr(
            "firebase_admin._token_gen.ID_TOKEN_CERT_URI", "http://127.0.0.1:1/"
        )
        forget_firebase()

        with pytest.raises(Unavailable):
            identify(signer.headers("u1"))

    def test_with_replay_protection_a_sensitive_route_takes_a_token_once(
        self, signer: Signer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Bought once and made once for each attestation; looking is not limited."""
        monkeypatch.setenv("CREDITBASE_APP_CHECK_REPLAY_PROTECTION", "on")
        settings.cache_clear()
        headers, before = signer.headers("u1"), len(signer.consumed)

        for _ in range(2):
            assert identify(headers, USAGE).uid == "u1"
        assert identify(headers, TOPUP).uid == "u1"
        with pytest.raises(Unauthenticated) as refused:
            identify(headers, TOPUP)

        assert refused.value.reason == "APP_CHECK_FAILED"
        assert len(signer.consumed) == before + 2

    def test_replay_protection_is_off_unless_it_is_asked_for(self, signer: Signer) -> None:
        """It costs a request to Google each time."""
        headers = signer.headers("u1")
        before = len(signer.consumed)

        for _ in range(2):
            assert identify(headers, TOPUP).uid == "u1"

        assert len(signer.consumed) == before

    def test_when_replay_protection_cannot_be_asked_nobody_is_let_in(
        self, signer: Signer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Fail closed."""
        monkeypatch.setenv("CREDITBASE_APP_CHECK_REPLAY_PROTECTION", "on")
        settings.cache_clear()
        monkeypatch.setattr(
            "firebase_admin.app_check._AppCheckService._VERIFY_URL_FORMAT",
            "http://127.0.0.1:1/{project_id}",
        )

        with pytest.raises(Unavailable):
            identify(signer.headers("u1"), TOPUP)

    def test_a_caller_does_not_print_its_address(self, signer: Signer) -> None:
        """A repr ends in a log sooner or later."""
        headers = signer.headers("u1")
        token = signer.id_token("u1", email="a@b.example", email_verified=True)

        caller = identify({**headers, "Authorization": f"Bearer {token}"})

        assert caller.email
        assert caller.email not in repr(caller)


class TestApiKey:
    """A key decides alone where the route takes it."""

    def test_a_known_key_is_its_user(self) -> None:
        """What a program sends instead of signing in."""
        caller = identify({"X-Api-Key": API_KEY}, USAGE, find_api_key=knowing(API_KEY))

        assert (caller.kind, caller.uid, caller.customer_id) == (CallerKind.API_KEY, "u9", "c9")
        assert caller.project_id == "p1"

    def test_a_bad_key_is_not_saved_by_good_firebase_headers(self, signer: Signer) -> None:
        """No doubt about who is charged: the key that was shown, or nobody."""
        with pytest.raises(Unauthenticated) as refused:
            identify({**signer.headers("u1"), "X-Api-Key": API_KEY}, USAGE)

        assert (refused.value.reason, refused.value.message) == (
            "INVALID_API_KEY",
            "Invalid API key",
        )

    @pytest.mark.parametrize(
        "key",
        ["", "inf_", "x", API_KEY[:-1], API_KEY + "A", API_KEY[:-1] + "!", SECRET_KEY, "ключ"],
    )
    def test_a_malformed_key_costs_no_read(self, key: str) -> None:
        """Guessing must not be paid by us: the checksum tells before the store is asked."""
        with pytest.raises(Unauthenticated) as refused:
            identify({"X-Api-Key": key}, USAGE, find_api_key=never)

        assert refused.value.message == "Invalid API key"

    def test_a_key_on_a_route_for_browsers_is_no_credential(self) -> None:
        """A stolen key must not buy, or make other keys."""
        with pytest.raises(Unauthenticated) as refused:
            identify({"X-Api-Key": API_KEY}, TOPUP, find_api_key=never)

        assert refused.value.reason == ""


class TestSecretKey:
    """A project's key, in either header."""

    @pytest.mark.parametrize("header", ["X-ModelRelay-Api-Key", "Authorization"])
    def test_both_headers_carry_it(self, header: str) -> None:
        """The SDKs use the one, the documentation the other."""
        value = SECRET_KEY if header.startswith("X") else f"Bearer {SECRET_KEY}"

        caller = identify({header: value}, CHARGE, find_secret_key=knowing(SECRET_KEY))

        assert (caller.kind, caller.project_id) == (CallerKind.SECRET_KEY, "p1")

    @pytest.mark.parametrize("key", ["", "mr_sk_x", SECRET_KEY[:-1] + "!", API_KEY])
    def test_a_malformed_key_costs_no_read(self, key: str) -> None:
        """As for API keys."""
        with pytest.raises(Unauthenticated):
            identify({"X-ModelRelay-Api-Key": key}, CHARGE, find_secret_key=never)

    def test_an_unknown_key_is_asked_for_every_time(self) -> None:
        """A key made a moment ago works at once: what is not there is never remembered."""
        asked: list[str] = []

        def find(digest: str, now: datetime) -> KeyHolder | None:
            asked.append(digest)
            return None if len(asked) < 3 else HOLDER

        authenticator = Authenticator(project_id=HUB, find_secret_key=find)
        headers = Headers({"X-ModelRelay-Api-Key": SECRET_KEY})
        for _ in range(2):
            with pytest.raises(Unauthenticated):
                authenticator.identify(headers, CHARGE)

        assert authenticator.identify(headers, CHARGE).project_id == "p1"

    def test_a_known_key_is_believed_for_seconds_and_not_longer(self) -> None:
        """Revocation holds everywhere within ten seconds, though the look-up is spared."""
        clock = [1000.0]
        found: list[KeyHolder | None] = [HOLDER]
        authenticator = Authenticator(
            project_id=HUB,
            find_secret_key=lambda _digest, _now: found[0],
            monotonic=lambda: clock[0],
        )
        headers = Headers({"X-ModelRelay-Api-Key": SECRET_KEY})
        assert authenticator.identify(headers, CHARGE).project_id == "p1"

        found[0] = None
        clock[0] += 9.9
        assert authenticator.identify(headers, CHARGE).project_id == "p1"

        clock[0] += 0.1
        with pytest.raises(Unauthenticated):
            authenticator.identify(headers, CHARGE)


def test_the_webhook_is_nobody_until_its_signature_is_checked() -> None:
    """Stripe signs the body; no header of ours is asked for."""
    assert identify({}, WEBHOOK).kind is CallerKind.UNPROVEN


def test_limits_count_users_and_not_their_keys() -> None:
    """Twenty keys must not give twenty times the rate."""
    by_key = Caller(kind=CallerKind.API_KEY, project_id="p", uid="u1", key_id="k")
    in_browser = Caller(kind=CallerKind.FIREBASE, project_id="p", uid="u1")
    other = Caller(kind=CallerKind.FIREBASE, project_id="p", uid="u2")

    assert by_key.principal() == in_browser.principal() != other.principal()
    assert "u1" not in by_key.trace_name()


def tampered(token: str) -> str:
    """Return the token with one character of its claims changed."""
    head, body, signature = token.split(".")
    changed = ("A" if body[10] != "A" else "B").join((body[:10], body[11:]))
    return f"{head}.{changed}.{signature}"
