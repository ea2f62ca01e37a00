"""Anchors: one hash for the heads of all ledgers, and the proof that a ledger is in it. Pure.

The leaves of a tree are in the order of their paths, as UTF-8; each leaf is blinded, so that
whoever sees it beside the own one in a proof cannot try out whose it is. The wallets of a
project are a tree, and the projects are one. The written form is docs/data-model.md.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.entries import digest_of

PAGE_LEAVES = 1024
"""Leaves of a tree that are kept together: a power of two, so a page is a subtree."""
HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
ANCHOR_VERSION = 1

Side = str
"""`left` or `right`: where a sibling stands."""


@dataclass(frozen=True, slots=True)
class Sibling:
    """What is hashed with a node on its way to the root."""

    side: Side
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """What is published of a day: the root over all projects, and the anchor before it.

    The heads are as of instants between `from_at` and `until_at`, each project's of one.
    """

    date: str
    root: str
    from_at: str
    until_at: str
    previous_date: str
    previous_digest: str

    def shown(self) -> dict[str, object]:
        """Return what everybody may see of it, its digest with it."""
        covered = self._covered()
        return {**covered, "digest": digest_of(covered)}

    @property
    def digest(self) -> str:
        """Return what the next anchor names it by."""
        return digest_of(self._covered())

    def _covered(self) -> dict[str, object]:
        return {
            "version": ANCHOR_VERSION,
            "date": self.date,
            "root": self.root,
            "from_at": self.from_at,
            "until_at": self.until_at,
            "previous_date": self.previous_date,
            "previous_digest": self.previous_digest,
        }


def anchor_from(fields: Mapping[str, str]) -> Anchor:
    """Return the anchor of its kept fields."""
    return Anchor(**{name: fields[name] for name in Anchor.__dataclass_fields__})


def blind_of(secret: str, path: str) -> str:
    """Return what blinds a leaf: it tells nothing of the secret, nor of another leaf's."""
    return hmac.digest(bytes.fromhex(secret), path.encode(), "sha256").hex()


def wallet_leaf(path: str, seq: int, head: str, blind: str) -> bytes:
    """Return the leaf of a wallet whose newest entry has that number and hash."""
    return _leaf(path, str(seq), head, blind)


def project_leaf(path: str, root: bytes, blind: str) -> bytes:
    """Return the leaf of a project whose wallets have that root."""
    return _leaf(path, root.hex(), blind)


def _leaf(*parts: str) -> bytes:
    return hashlib.sha256(b"\x00" + "\n".join(parts).encode()).digest()


def root_of(nodes: Sequence[bytes]) -> bytes:
    """Return the root over nodes; where they are odd the last goes up unchanged."""
    if not nodes:
        return EMPTY_ROOT
    while len(nodes) > 1:
        nodes = _above(nodes)
    return nodes[0]


def siblings_of(nodes: Sequence[bytes], index: int) -> list[Sibling]:
    """Return what a node is hashed with on its way to the root, the lowest first."""
    assert 0 <= index < len(nodes)
    found: list[Sibling] = []
    while len(nodes) > 1:
        other = index ^ 1
        if other < len(nodes):
            found.append(Sibling("left" if other < index else "right", nodes[other]))
        nodes = _above(nodes)
        index //= 2
    return found


def root_by(leaf: bytes, siblings: Sequence[Sibling]) -> bytes:
    """Return the root that a leaf and its siblings come to."""
    for sibling in siblings:
        pair = (sibling.digest, leaf) if sibling.side == "left" else (leaf, sibling.digest)
        leaf = _inner(*pair)
    return leaf


def _above(nodes: Sequence[bytes]) -> list[bytes]:
    pairs = [_inner(*nodes[at : at + 2]) for at in range(0, len(nodes) - 1, 2)]
    return pairs if len(nodes) % 2 == 0 else [*pairs, nodes[-1]]


def _inner(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def split_digests(joined: bytes) -> list[bytes]:
    """Return digests that are kept one behind the other."""
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]
