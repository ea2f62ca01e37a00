"""The tree of an anchor: one root for the same leaves, and a proof for each of them."""

import hashlib

import pytest

from creditbase.ledger.domain.anchors import (
    EMPTY_ROOT,
    Anchor,
    anchor_from,
    blind_of,
    project_leaf,
    root_by,
    root_of,
    siblings_of,
    wallet_leaf,
)

LEAVES = [hashlib.sha256(bytes([n])).digest() for n in range(21)]


def by_the_book(nodes: list[bytes]) -> bytes:
    """Return the root as the page on the data model says it, node by node."""
    if not nodes:
        return hashlib.sha256(b"").digest()
    while len(nodes) > 1:
        above = []
        while nodes:
            left, nodes = nodes[0], nodes[1:]
            if nodes:
                right, nodes = nodes[0], nodes[1:]
                left = hashlib.sha256(b"\x01" + left + right).digest()
            above.append(left)
        nodes = above
    return nodes[0]


@pytest.mark.parametrize("count", range(len(LEAVES) + 1))
def test_every_leaf_leads_to_the_root(count: int) -> None:
    """Whatever their number, and wherever one stands; no leaf leads there from elsewhere."""
    leaves = LEAVES[:count]
    root = root_of(leaves)

    assert root == by_the_book(leaves)
    for index, leaf in enumerate(leaves):
        siblings = siblings_of(leaves, index)
        assert root_by(leaf, siblings) == root
        assert root_by(EMPTY_ROOT, siblings) != root


def test_pages_of_a_power_of_two_are_subtrees() -> None:
    """So a proof reads one page and the roots of the others."""
    pages = [LEAVES[at : at + 4] for at in range(0, len(LEAVES), 4)]

    assert root_of([root_of(page) for page in pages]) == root_of(LEAVES)


def test_a_leaf_is_written_as_the_page_says() -> None:
    """Somebody computes it again with that page alone; without the blind nobody can."""
    blind = blind_of("0f" * 32, "projects/p/wallets/c")
    text = f"projects/p/wallets/c\n7\n{'ab' * 32}\n{blind}".encode()

    leaf = wallet_leaf("projects/p/wallets/c", 7, "ab" * 32, blind)

    assert leaf == hashlib.sha256(b"\x00" + text).digest()
    assert leaf != wallet_leaf("projects/p/wallets/c", 7, "ab" * 32, "")
    text = f"projects/p\n{LEAVES[0].hex()}\n{blind}".encode()
    assert (
        project_leaf("projects/p", LEAVES[0], blind) == hashlib.sha256(b"\x00" + text).digest()
    )


def test_an_anchor_names_the_one_before_it() -> None:
    """Its digest covers that name, so no day of before can be exchanged."""
    values = {"date": "2026-03-10", "root": "ab", "from_at": "a", "until_at": "b"}
    first = anchor_from({**values, "previous_date": "", "previous_digest": ""})
    other = Anchor(**values, previous_date="2026-03-09", previous_digest="cd")

    assert first.shown()["digest"] == first.digest != other.digest
