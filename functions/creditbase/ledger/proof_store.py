"""Where proofs are kept: `projects/{p}/proofs/{c}`, how far a wallet was proved, and the tale.

Nobody else spells this path. Kept, the next proof reads only what came since; and a history
that was written anew since then, however well it fits together, does not go on with it.
"""

import json
from datetime import datetime
from typing import Any

from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.proof.keeping import read_tale, write_tale
from creditbase.ledger.domain.proof.tale import Tale
from creditbase.ledger.paths import WalletRef
from creditbase.runtime.firestore import Put, get_all

KEPT_CHARACTERS_MAX = 600_000
"""Of a tale as JSON: a document may have a megabyte. A longer one is told from the start."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a wallet's proofs: the newest, and one from the first entry under way."""

    tale: Tale | None = None
    walk: Tale | None = None
    walked_at: datetime | None = None
    """When it was last proved from its first entry."""


def load_kept(ref: WalletRef) -> Kept:
    """Return what is kept of a wallet's proofs; one read."""
    fields = get_all([_path(ref)])[0].fields
    if fields is None:
        return Kept()
    return Kept(_read(fields["tale"]), _read(fields["walk"]), fields["walked_at"])


def write_of_kept(ref: WalletRef, kept: Kept, *, now: datetime) -> Put:
    """Return the write that keeps how far a wallet was proved."""
    fields = {
        "proved_at": now,
        "walked_at": kept.walked_at,
        "tale": _write(kept.tale),
        "walk": _write(kept.walk),
    }
    return Put(_path(ref), fields)


def _write(tale: Tale | None) -> dict[str, Any] | None:
    if tale is None:
        return None
    fields = write_tale(tale)
    return fields if len(json.dumps(fields, default=str)) <= KEPT_CHARACTERS_MAX else None


def _read(fields: dict[str, Any] | None) -> Tale | None:
    return None if fields is None else read_tale(fields)


def _path(ref: WalletRef) -> str:
    return f"projects/{ref.project_id}/proofs/{ref.customer_id}"
