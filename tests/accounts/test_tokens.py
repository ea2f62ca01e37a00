"""Customer tokens as text: what was signed is read, and nothing else is."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.accounts.domain import Customer, Project
from creditbase.accounts.tokens import (
    CHARACTERS_MAX,
    TTL_DEFAULT,
    TTL_MAX,
    Claims,
    Minting,
    SigningKeys,
)
from creditbase.kernel.errors import Unavailable

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECRET, OLD = "s" * 64, "o" * 64
KEYS = SigningKeys({"new": SECRET, "old": OLD})
PROJECT = Project(project_id="p-1", name="p", created_at=NOW, owners=("ada",))
CUSTOMER = Customer(
    project_id="p-1", customer_id="c-1", external_id="x", created_at=NOW, updated_at=NOW
)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def minted(ttl: timedelta = TTL_DEFAULT, **more: Any) -> str:
    """Return a good token."""
    asked = Minting(token_id="t-1", key_id="key_1", ttl=ttl, now=NOW, **more)
    return KEYS.mint(PROJECT, CUSTOMER, asked).text


def claims_of(token: str) -> dict[str, Any]:
    """Return what a token says, unread by us."""
    found: dict[str, Any] = jwt.decode(
        token.removeprefix("mr_ct_"), options={"verify_signature": False}
    )
    return found


def forged(
    *, key: str = SECRET, alg: str = "HS256", kid: str | None = "new", **changed: Any
) -> str:
    """Return a token that is like a good one but for this; None leaves a claim out."""
    claims = {**claims_of(minted()), **changed}
    kept = {name: value for name, value in claims.items() if value is not None}
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(kept, key, algorithm=alg, headers=headers)


def test_what_was_signed_is_read() -> None:
    """With the prefix and without, by either key."""
    good = Claims(
        token_id="t-1",
        key_id="key_1",
        project_id="p-1",
        customer_id="c-1",
        external_id="x",
        expires_at=NOW + TTL_DEFAULT,
        budget_nanos=7,
    )
    token = minted(budget_nanos=7)

    assert KEYS.read(token, now=NOW) == good
    assert KEYS.read(token.removeprefix("mr_ct_"), now=NOW) == good
    assert KEYS.read(forged(key=OLD, kid="old", bud=7), now=NOW) == good


def test_it_says_what_the_published_claims_say() -> None:
    """The names that the original's own library reads."""
    claims = claims_of(minted())

    assert claims["aud"] == claims["pid"] == "p-1"
    assert (claims["euid"], claims["eext"], claims["typ"]) == ("c-1", "x", "customer")
    assert (claims["uid"], claims["key_id"]) == (PROJECT.owner_id, "key_1")
    assert claims["sid"] == claims["jti"] == "t-1"
    assert claims["exp"] - claims["iat"] == 7 * 86_400


def test_it_holds_until_the_second_before_its_end() -> None:
    """The end is outside; no leeway, in either direction."""
    token = minted(timedelta(seconds=60))

    assert KEYS.read(token, now=NOW + timedelta(seconds=59)) is not None
    assert KEYS.read(token, now=NOW + timedelta(seconds=60)) is None


@pytest.mark.parametrize(
    "token",
    [
        forged(key="another" * 8),
        forged(kid="unknown"),
        forged(kid=None),
        forged(key=OLD),
        forged(alg="HS512"),
        forged(key="", alg="none"),
        forged(aud="p-2"),
        forged(pid="p-2"),
        forged(aud=["p-1"]),
        forged(iss="somebody"),
        forged(typ="owner"),
        forged(typ=None),
        forged(aud=None),
        forged(exp=None),
        forged(jti=None),
        forged(key_id=None),
        forged(eext=None),
        forged(euid=7),
        forged(iat=True),
        forged(exp="tomorrow"),
        forged(exp=int(NOW.timestamp()) + 3_600.5),
        forged(nbf="never"),
        forged(bud=-1),
        forged(bud="7"),
        forged(bud=True),
        jwt.encode(
            claims_of(minted()), SECRET, algorithm="HS256", headers={"kid": "new", "x": "y"}
        ),
        "a.b.c",
        "",
        "mr_ct_",
        "mr_ct_..",
        f"mr_ct_mr_ct_{minted().removeprefix('mr_ct_')}",
        "a.b",
        "é.é.é",
        "x" * (CHARACTERS_MAX + 1),
    ],
)
def test_nothing_else_is(token: str) -> None:
    """Another algorithm, key, project, kind or shape: one answer for all."""
    assert KEYS.read(token, now=NOW) is None


@given(place=st.integers(min_value=0), character=st.sampled_from(ALPHABET + ".=+/ "))
def test_a_changed_character_is_no_token(place: int, character: str) -> None:
    """Also where base64 has bits to spare: each token has one spelling."""
    text = minted().removeprefix("mr_ct_")
    at = place % len(text)
    changed = text[:at] + character + text[at + 1 :]

    assert (KEYS.read(changed, now=NOW) is not None) == (changed == text)


@given(text=st.text(max_size=300))
def test_any_text_is_refused_quietly(text: str) -> None:
    """What a stranger sends is no reason to fail."""
    assert KEYS.read(text, now=NOW) is None


@given(claims=st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)))
def test_other_claims_are_no_token_however_well_signed(claims: dict[str, Any]) -> None:
    """A key that also signs something else opens nothing here."""
    head = {"alg": "HS256", "typ": "JWT", "kid": "new"}
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in (head, claims)
    ]
    algorithm = jwt.get_algorithm_by_name("HS256")
    key = algorithm.prepare_key(SECRET)
    signature = algorithm.sign(".".join(parts).encode(), key)
    token = ".".join((*parts, base64.urlsafe_b64encode(signature).decode().rstrip("=")))

    assert KEYS.read(token, now=NOW) is None


@given(external_id=st.text(min_size=1, max_size=255), ttl_s=st.integers(1, 30 * 86_400))
def test_any_name_and_span_come_through(external_id: str, ttl_s: int) -> None:
    """What the project calls its customer is signed as it is."""
    customer = Customer(
        project_id="p-1",
        customer_id="c-1",
        external_id=external_id,
        created_at=NOW,
        updated_at=NOW,
    )
    ttl = timedelta(seconds=ttl_s)
    assert ttl <= TTL_MAX
    asked = Minting(token_id="t", key_id="k", ttl=ttl, now=NOW)

    issued = KEYS.mint(PROJECT, customer, asked)

    read = KEYS.read(issued.text, now=NOW)
    assert read is not None
    assert (read.external_id, read.expires_at) == (external_id, NOW + ttl)
    assert issued.expires_at == NOW + ttl


class TestTheSecret:
    """`CUSTOMER_TOKEN_KEYS`."""

    @pytest.mark.parametrize(
        "value",
        [
            f"a:{'x' * 32}",
            f" a:{'x' * 32} , b_2:{'y' * 32} ",
        ],
    )
    def test_one_or_two_keys_can_be_used(
        self, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        """The second while a key is being changed."""
        monkeypatch.setenv("CUSTOMER_TOKEN_KEYS", value)

        keys = SigningKeys.configured()

        asked = Minting(token_id="t", key_id="k", ttl=TTL_MAX, now=NOW)
        token = keys.mint(PROJECT, CUSTOMER, asked).text
        assert keys.read(token, now=NOW) is not None
        assert jwt.get_unverified_header(token.removeprefix("mr_ct_"))["kid"] == "a"

    @pytest.mark.parametrize(
        "value",
        [
            "",
            " ",
            "x" * 40,
            f"a:{'x' * 31}",
            f"a:{'x' * 32},",
            f"a:{'x' * 32},a:{'y' * 32}",
            f"a:{'x' * 32},b:{'y' * 32},c:{'z' * 32}",
            f"a b:{'x' * 32}",
        ],
    )
    def test_anything_else_signs_nothing(
        self, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        """Fails closed: a weak key would be worse than none."""
        monkeypatch.setenv("CUSTOMER_TOKEN_KEYS", value)

        with pytest.raises(Unavailable):
            SigningKeys.configured()
