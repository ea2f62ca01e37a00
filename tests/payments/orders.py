"""Every order in which events may arrive, as a graph of what becomes of them.

A node is everything there is: Stripe's moment, which events were delivered, and every document
of the customer, the inbox included. From every node every event is delivered: one that was not
yet, which is the next of an order, and one that was, which is a duplicate; also as a second
event object about the same change, which Stripe sends too. Orders that lead to the same
documents meet in one node, so a few dozen nodes hold hundreds of orders, each of them a path;
the paths are counted. How a delivery is made, or known already, is in `desk`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from creditbase.accounts.domain import CustomerRef
from creditbase.runtime.firestore import Fields
from tests.payments.automaton import Automaton, meeting
from tests.payments.canonical import canonical_of, documents_of, present_of
from tests.payments.desk import Desk, Node, keep
from tests.payments.lives import Life
from tests.payments.shop import Resource
from tests.wire import Wire

TWIN = "twin"
"""How the name of a second event object about the same change ends."""
AGAIN = "again"
"""How the name of a second delivery of the same event ends."""


@dataclass
class Graph:
    """All nodes that any order leads to, and the ways between them."""

    life: Life
    customer_id: str
    first: Node
    desk: Desk
    nodes: dict[str, Node] = field(default_factory=dict)
    next: dict[str, dict[str, str]] = field(default_factory=dict)
    """From a node, by the name of what happens, to the node it leads to."""

    def explore(self, *, twins: bool) -> None:
        """Find every node."""
        waiting = [self._found(self.first)]
        while waiting:
            node = waiting.pop()
            if node.mark in self.next:
                continue
            ways = {}
            for name, there in self._ways(node, twins=twins):
                ways[name] = there.mark
                waiting.append(self._found(there))
            self.next[node.mark] = ways

    def _found(self, node: Node) -> Node:
        return self.nodes.setdefault(node.mark, node)

    def _ways(self, node: Node, *, twins: bool) -> Iterator[tuple[str, Node]]:
        if node.steps < len(self.life.steps):
            self.desk.automaton.moment = node.moment
            self.life.take_step(self.desk.automaton, node.steps)
            moment = self.desk.automaton.moment
            yield (
                f"step {node.steps}",
                Node(moment, node.steps + 1, node.told, node.documents, (*node.path, "step")),
            )
        for name, event in self.life.events(node.moment).items():
            if name not in node.told:
                yield name, self._told(node, name, event)
                continue
            yield f"{name} {AGAIN}", self._told(node, f"{name} {AGAIN}", event)
            if twins:
                yield f"{name} {TWIN}", self._told(node, f"{name} {TWIN}", _twin_of(event))

    def _told(self, node: Node, name: str, event: Resource) -> Node:
        documents, moment = self.desk.deliver(node, event)
        told = node.told
        if name.endswith(TWIN):
            # Only what it did to the rest counts; its own line in the inbox is its own.
            documents = {
                path: kept for path, kept in documents.items() if event["id"] not in path
            }
        elif not name.endswith(AGAIN):
            told = node.told | {name}
        return Node(moment, node.steps, told, documents, (*node.path, name))

    # ---- what is asked of it -----------------------------------------------------------------

    def ends(self) -> list[Node]:
        """Return the nodes in which all has happened, all was told, and all is finished."""
        return [node for node in self.nodes.values() if self._is_over(node)]

    def _is_over(self, node: Node) -> bool:
        return self._is_told(node) and not self._unfinished(node)

    def _is_told(self, node: Node) -> bool:
        events = self.life.events(node.moment)
        return node.steps == len(self.life.steps) and node.told == frozenset(events)

    def _unfinished(self, node: Node) -> list[str]:
        events = self.life.events(node.moment)
        return [name for name in node.told if node.stands(events[name]) in {"", "stored"}]

    def text_of(self, node: Node) -> str:
        """Return the canonical text of a node."""
        return canonical_of(_compared(node), self.customer_id)

    def present_of(self, node: Node) -> str:
        """Return the text of what a node has now, whatever came and went before.

        Mails tell what was new when it was told, and a trial claims the card that it had then.
        """
        found = {
            path: fields
            for path, fields in _compared(node).items()
            if not path.startswith("mail/") and "/trial_claims/" not in path
        }
        return present_of(found, self.customer_id)

    def in_order(self) -> Node:
        """Return where everything told once, as it happens, leads."""
        node = self.first
        while not self._is_over(node):
            ways = self.next[node.mark]
            names = [name for name in self.life.events(node.moment) if name not in node.told]
            if names:
                name = names[0]
            elif node.steps < len(self.life.steps):
                name = f"step {node.steps}"
            else:
                name = f"{min(self._unfinished(node))} {AGAIN}"
            node = self.nodes[ways[name]]
        return node

    def sizes(self) -> list[int]:
        """Return how many events each step tells of, where nothing else does."""
        moments = {node.steps: node.moment for node in self.nodes.values()}
        sums = [len(self.life.events(moments[steps])) for steps in sorted(moments)]
        assert sums[0] == len(self.life.events(self.first.moment))
        return [sums[0], *(after - before for before, after in pairwise(sums))]

    def settled(self, node: Node) -> set[str]:
        """Return the ends that sending what is unfinished again leads to, in any order.

        Stripe sends again what was not taken. An event that would never be taken fails here.
        """
        seen, waiting, ends = set(), [node], set()
        while waiting:
            node = waiting.pop()
            if node.mark in seen:
                continue
            seen.add(node.mark)
            unfinished = self._unfinished(node)
            if not unfinished:
                ends.add(node.mark)
            ways = self.next[node.mark]
            waiting += [self.nodes[ways[f"{name} {AGAIN}"]] for name in unfinished]
        assert ends, f"never taken: {node.path}"
        return ends

    def relive(self, names: Sequence[str]) -> None:
        """Really make the deliveries of an order, and demand that each leads to its node."""
        desk = Desk(self.desk.automaton, self.desk.wire, self.desk.there)
        node = self.first
        with meeting(desk.automaton):
            for name in names:
                event = self.life.events(node.moment)[name]
                documents, moment = desk.deliver(node, event)
                told = node.told | {name}
                there = Node(moment, node.steps, told, documents, (*node.path, name))
                assert there.mark == self.next[node.mark][name], there.path
                node = there
        assert desk.deliveries == len(names)

    def count(self, duplicates: int, kind: str = AGAIN) -> int:
        """Return how many orders there are with so many duplicates of a kind."""
        known: dict[tuple[str, int], int] = {}

        def count_from(mark: str, left: int) -> int:
            if (mark, left) not in known:
                node, total = self.nodes[mark], 0
                if self._is_told(node) and left == 0:
                    total += bool(self.settled(node))
                for name, there in self.next[mark].items():
                    if name.endswith(kind):
                        total += count_from(there, left - 1) if left else 0
                    elif not name.endswith((AGAIN, TWIN)):
                        total += count_from(there, left)
                known[mark, left] = total
            return known[mark, left]

        return count_from(self.first.mark, duplicates)


def _compared(node: Node) -> dict[str, Fields]:
    """Return the documents of a node but the inbox, whose instants and lines are its own."""
    found = {path: kept.fields for path, kept in node.documents.items()}
    return {path: fields for path, fields in found.items() if "stripe_events" not in path}


def _twin_of(event: Resource) -> Resource:
    return {**event, "id": f"{event['id']}twin"}


def graph_of(
    life: Life,
    ref: CustomerRef,
    wire: Wire,
    *,
    begins_at: datetime,
    all_late: bool,
    twins: bool,
) -> Graph:
    """Return the graph of a life: told after all has happened, or while it does."""
    automaton = Automaton(ref.customer_id, begins_at)
    with meeting(automaton):
        first = first_node(life, ref, automaton, steps=len(life.steps) if all_late else 0)
        desk = Desk(automaton, wire, dict.fromkeys(first.documents))
        graph = Graph(life, ref.customer_id, first, desk)
        graph.explore(twins=twins)
    return graph


def first_node(life: Life, ref: CustomerRef, automaton: Automaton, *, steps: int) -> Node:
    """Return where a life begins, or what it has come to after steps that nobody told of."""
    life.begin(ref, now=automaton.moment.now)
    for number in range(steps):
        life.take_step(automaton, number)
    found = documents_of(ref.project_id, ref.customer_id)
    documents = {path: keep(fields) for path, fields in found.items()}
    return Node(automaton.moment, steps, frozenset(), documents)
