"""One digest of the heads of many ledgers: the root of a tree, made as they come.

The tree is that of docs/data-model.md: leaves in the order of the wallets' paths, pairs from
the left, an odd one goes up as it is. Of a tree that grows only the roots of its full parts
are needed, of each height one at most.
"""

import hashlib
from collections.abc import Iterable

from creditbase.kernel.records import dataclass

Part = tuple[int, str]
"""A full part of the tree: its height, and its root as hexadecimal."""


@dataclass(frozen=True, slots=True)
class Heads:
    """The tree so far. Its parts are of falling height."""

    parts: tuple[Part, ...] = ()
    count: int = 0

    def plus(self, path: str, seq: int, head: str) -> "Heads":
        """Return the tree with one leaf more, whose path comes after all before it."""
        leaf = b"\x00" + path.encode() + f"\n{seq}\n{head}".encode()
        node, height = hashlib.sha256(leaf).hexdigest(), 0
        parts = list(self.parts)
        while parts and parts[-1][0] == height:
            _, left = parts.pop()
            node, height = _pair(left, node), height + 1
        return Heads((*parts, (height, node)), self.count + 1)

    @property
    def root(self) -> str:
        """Return the digest of all leaves; of none that of nothing."""
        if not self.parts:
            return hashlib.sha256(b"").hexdigest()
        *rest, (_, node) = self.parts
        for _, left in reversed(rest):
            node = _pair(left, node)
        return node


def heads_of(leaves: Iterable[tuple[str, int, str]]) -> Heads:
    """Return the tree of leaves that are in order."""
    heads = Heads()
    for path, seq, head in leaves:
        heads = heads.plus(path, seq, head)
    return heads


def _pair(left: str, right: str) -> str:
    return hashlib.sha256(b"\x01" + bytes.fromhex(left) + bytes.fromhex(right)).hexdigest()
