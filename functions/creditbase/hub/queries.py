"""What is asked in a query, read strictly: texts, whole numbers, ids of entries."""

import uuid

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.kernel.errors import InvalidRequest
from creditbase.runtime.http import Call

ENTRY_ID_CHARACTERS_MAX = 400
NUMBER_MAX = 10**15


def asked_text(call: Call, name: str) -> str:
    """Return a text that was asked for, empty where it was not.

    Raises:
        InvalidRequest: it is something else.
    """
    given = call.body.get(name, "")
    if type(given) is int:
        # A callable's argument is JSON; a query has only texts.
        return str(given)
    if not isinstance(given, str):
        raise InvalidRequest(f"{name} must be a text", field=name)
    return given


def asked_number(given: str, field: str, *, most: int = NUMBER_MAX) -> int:
    """Return a whole number from 1 on.

    Raises:
        InvalidRequest: it is no number, or out of range.
    """
    # Fewer digits than int() refuses to read, and no other alphabet's.
    if not (given.isascii() and given.isdigit() and len(given) <= len(str(most))):
        raise InvalidRequest(f"{field} must be a whole number", field=field)
    number = int(given)
    if not 1 <= number <= most:
        raise InvalidRequest(f"{field} is out of range", field=field)
    return number


def asked_project_id(call: Call) -> str:
    """Return the project an administrator asks about: the hub unless another is named.

    Raises:
        InvalidRequest: what is named is no project's id.
    """
    named = asked_text(call, "project_id")
    if not named:
        return HUB_PROJECT_ID
    try:
        return str(uuid.UUID(named))
    except ValueError:
        raise InvalidRequest("The project is named by its id", field="project_id") from None


def asked_entry_id(entry_id: str) -> str:
    """Return the id of an entry, if it may be one.

    Raises:
        InvalidRequest: no entry has such an id.
    """
    if not entry_id.isascii() or not entry_id.isprintable() or "/" in entry_id:
        raise InvalidRequest("No entry has such an id", field="entry_id")
    # Those with underscores around them are the store's own.
    if len(entry_id) > ENTRY_ID_CHARACTERS_MAX or entry_id.startswith((".", "__")):
        raise InvalidRequest("No entry has such an id", field="entry_id")
    return entry_id
