"""What an update changed: the `previous_attributes` of `*.updated` events. Pure."""

from stripe_local.wire.resource import Resource


def previous_attributes(before: Resource, after: Resource) -> Resource:
    """Return the former values of the fields that differ, and null for those that are new.

    Of a hash only the keys that changed are told; a list is told whole.
    """
    previous: Resource = {}
    for field in before.keys() | after.keys():
        was, is_now = before.get(field), after.get(field)
        if was == is_now:
            continue
        if isinstance(was, dict) and isinstance(is_now, dict):
            previous[field] = previous_attributes(was, is_now)
        else:
            previous[field] = was
    return previous
