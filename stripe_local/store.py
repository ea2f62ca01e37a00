"""Everything that exists, in memory: tables by object name, in the order of creation."""

from collections import defaultdict

from stripe_local.wire.errors import missing_at_address, missing_reference
from stripe_local.wire.resource import Resource


class Store:
    """Holds the objects of one account. The account's lock guards it."""

    def __init__(self) -> None:
        self._tables: defaultdict[str, dict[str, Resource]] = defaultdict(dict)

    def add(self, resource: Resource) -> Resource:
        """Keep a new object, and return it."""
        table = self._tables[resource["object"]]
        assert resource["id"] not in table, resource["id"]
        table[resource["id"]] = resource
        return resource

    def find(self, object_name: str, object_id: str | None) -> Resource | None:
        """Return the object, the stub of a deleted one, or None."""
        return self._tables[object_name].get(object_id or "")

    def at_address(self, object_name: str, object_id: str) -> Resource:
        """Return the object that a request's path names.

        Raises:
            ResourceMissing: there is none, or no longer.
        """
        found = self._alive(object_name, object_id)
        if found is None:
            raise missing_at_address(object_name, object_id)
        return found

    def referenced(self, object_name: str, object_id: str, param: str) -> Resource:
        """Return the object that a parameter names.

        Raises:
            InvalidParameter: there is none, or no longer.
        """
        found = self._alive(object_name, object_id)
        if found is None:
            raise missing_reference(object_name, object_id, param)
        return found

    def newest_first(self, object_name: str) -> list[Resource]:
        """Return the objects of one kind that were not deleted."""
        table = self._tables[object_name]
        return [resource for resource in reversed(table.values()) if not _is_stub(resource)]

    def delete(self, resource: Resource) -> Resource:
        """Replace an object by the stub that is all the API tells of it from now on."""
        stub = {"id": resource["id"], "object": resource["object"], "deleted": True}
        self._tables[resource["object"]][resource["id"]] = stub
        return stub

    def counts(self) -> dict[str, int]:
        """Return how many objects of each kind there are."""
        return {name: len(self.newest_first(name)) for name in sorted(self._tables)}

    def _alive(self, object_name: str, object_id: str) -> Resource | None:
        found = self.find(object_name, object_id)
        return None if found is None or _is_stub(found) else found


def _is_stub(resource: Resource) -> bool:
    return "deleted" in resource
