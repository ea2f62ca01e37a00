"""What each kind of entry may say, and what it does to holds and grants."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta

from creditbase.kernel.ids import end_entry_id, late_entry_id
from creditbase.kernel.money import share_floor
from creditbase.ledger.domain.commands import HOLD_TTL_S_MAX
from creditbase.ledger.domain.grants import PAID_KINDS, PRIORITY_OF
from creditbase.ledger.domain.proof.counts import metered_of
from creditbase.ledger.domain.proof.reading import Doc
from creditbase.ledger.domain.proof.tale import Documents, GrantTold, HoldTold, Tale
from creditbase.ledger.domain.settling import STATUS_OF
from creditbase.ledger.domain.shadow import SHADOW
from creditbase.ledger.domain.wallet import INCLUDED, Draw

Postings = Mapping[str, int]
GIVERS = frozenset({"receivable", "expired", "granted"})
LONGEST = timedelta(seconds=HOLD_TTL_S_MAX)


def take_kind(tale: Tale, doc: Doc, postings: Postings, earlier: Documents) -> None:
    """Hold an entry against what its kind means, and follow what it does.

    Raises:
        Broken: it says what its kind cannot mean.
    """
    doc.one_of("kind", tuple(_KINDS))
    _KINDS[doc.text("kind")](tale, doc, postings, earlier)


def draws_of(doc: Doc) -> tuple[Draw, ...]:
    """Return the draws of an entry, or of a hold.

    Raises:
        Broken: they are none.
    """
    found = []
    for draw in doc.listed("draws", is_optional=True):
        draw.has_only(frozenset({"source", "kind", "amount_nanos"}))
        found.append(
            Draw(draw.text("source"), draw.text("kind"), draw.whole("amount_nanos", least=1))
        )
    return tuple(found)


def account_of(source: str) -> str:
    """Return the account of what was drawn on."""
    return source if source == INCLUDED else f"grant:{source}"


def _sums(draws: tuple[Draw, ...]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for draw in draws:
        sums[draw.source] += draw.amount_nanos
    return sums


def _expect_postings(doc: Doc, postings: Postings, expected: Mapping[str, int]) -> None:
    wanted = {account: nanos for account, nanos in expected.items() if nanos}
    if dict(postings) != wanted:
        raise doc.broken("postings", wanted, dict(postings))


def _received(tale: Tale, doc: Doc, draws: tuple[Draw, ...]) -> None:
    """Let an entry say what was paid in money for what it took."""
    received_nanos = 0
    for draw in draws:
        if draw.source == INCLUDED:
            received_nanos += draw.amount_nanos
            continue
        grant = tale.grants.get(draw.source)
        if grant is None or not grant.is_exact:
            return
        if grant.paid_nanos:
            received_nanos += share_floor(
                grant.paid_nanos, part=draw.amount_nanos, whole=grant.granted_nanos
            )
    if doc.whole("received_nanos", 0) != received_nanos:
        raise doc.broken("received_nanos", received_nanos, doc.fields.get("received_nanos", 0))


# ---- what is spent, and held -----------------------------------------------------------------


def _charge(tale: Tale, doc: Doc, postings: Postings, _: Documents) -> None:
    draws, amount_nanos = draws_of(doc), doc.whole("amount_nanos")
    doc.expect("status", "captured")
    # Only in shadow mode is anything beyond what there was.
    told = doc.inner("cause", is_optional=True).inner(SHADOW, is_optional=True)
    beyond_nanos = told.whole("beyond_nanos", 0)
    doc.expect("captured_nanos", amount_nanos - beyond_nanos)
    doc.expect("shortfall_nanos", beyond_nanos)
    taken = {account_of(source): -nanos for source, nanos in _sums(draws).items()}
    flows = {"consumed": amount_nanos, "shortfall": -beyond_nanos}
    _expect_postings(doc, postings, {**flows, **taken})
    _received(tale, doc, draws)
    tale.window(doc.instant("window_start_at")).spent_nanos += _sums(draws)[INCLUDED]


def _hold(tale: Tale, doc: Doc, postings: Postings, _: Documents) -> None:
    draws, amount_nanos = draws_of(doc), doc.whole("amount_nanos")
    hold_id, at = doc.text("hold_id"), doc.instant("at")
    doc.expect("status", "held")
    doc.expect("captured_nanos", 0)
    doc.expect("shortfall_nanos", 0)
    doc.expect("started_at", at)
    ends_at = doc.instant("expires_at")
    if not at < ends_at <= at + LONGEST:
        raise doc.broken("expires_at", "within a day", ends_at)
    if hold_id in tale.holds:
        raise doc.broken("hold_id", "a hold that is not open", hold_id)
    taken = {account_of(source): -nanos for source, nanos in _sums(draws).items()}
    _expect_postings(doc, postings, {"held": amount_nanos, **taken})
    metered = metered_of(doc)
    tale.holds[hold_id] = HoldTold(
        amount_nanos=amount_nanos,
        draws=draws,
        created_at=at,
        expires_at=ends_at,
        window_start_at=doc.instant("window_start_at"),
        model=metered.model,
        provider=metered.provider,
        budget=doc.inner("cause", is_optional=True).text("budget", ""),
    )


def _end(tale: Tale, doc: Doc, postings: Postings, _: Documents) -> None:
    """A hold ends once: what was used is taken, and the rest goes where it came from."""
    hold_id, kind = doc.text("hold_id"), doc.text("kind")
    doc.expect("entry_id", end_entry_id(hold_id))
    hold = tale.holds.pop(hold_id, None)
    if hold is None:
        raise doc.broken("hold_id", "a hold that is open", hold_id)
    _ends_as_it_began(doc, hold)
    if kind == "void":
        doc.expect("captured_nanos", 0)
        doc.expect("shortfall_nanos", 0)
    asked_nanos = doc.whole("captured_nanos") + doc.whole("shortfall_nanos")
    draws = draws_of(doc)
    used, back = Counter[str](), Counter[str]()
    left_nanos = asked_nanos
    for draw in hold.draws:
        part = min(draw.amount_nanos, left_nanos)
        left_nanos -= part
        used[draw.source] += part
        back[draw.source] += draw.amount_nanos - part
    extra = _sums(draws)
    extra.subtract(used)
    if min(extra.values(), default=0) < 0 or _sums(draws).total() != doc.whole(
        "captured_nanos"
    ):
        raise doc.broken("draws", f"{dict(used)} and what exceeds it", dict(_sums(draws)))
    fixed = {"held": -hold.amount_nanos, "consumed": asked_nanos}
    fixed["shortfall"] = -doc.whole("shortfall_nanos")
    fixed[INCLUDED] = back[INCLUDED] - extra[INCLUDED]
    _goes_back(tale, doc, postings, fixed, (back, extra))
    _received(tale, doc, draws)
    tale.window(hold.window_start_at).spent_nanos += used[INCLUDED]
    tale.loose_nanos += extra[INCLUDED]


def _ends_as_it_began(doc: Doc, hold: HoldTold) -> None:
    doc.expect("status", STATUS_OF[doc.text("kind")])
    doc.expect("amount_nanos", hold.amount_nanos)
    doc.expect("started_at", hold.created_at)
    doc.expect("window_start_at", hold.window_start_at)
    cause = doc.inner("cause", is_optional=True)
    if cause.text("budget", "") != hold.budget:
        raise cause.broken("budget", hold.budget, cause.text("budget", ""))
    at, ends_at = doc.instant("at"), doc.instant("expires_at")
    if not hold.expires_at <= ends_at <= hold.created_at + LONGEST:
        raise doc.broken("expires_at", f"{hold.expires_at} or later, within a day", ends_at)
    if (at < ends_at) != (doc.text("kind") != "expire"):
        raise doc.broken("at", f"before {ends_at}, but of an expiry", at)


def _goes_back(
    tale: Tale,
    doc: Doc,
    postings: Postings,
    fixed: Mapping[str, int],
    moved: tuple[Counter[str], Counter[str]],
) -> None:
    """Of what comes back from a hold: to its grant, or gone, or to pay a debt; never more."""
    back, extra = moved
    cause = doc.inner("cause", is_optional=True)
    redeems = cause.has("redeemed")
    for account, wanted in {**fixed, "granted": 0}.items():
        if postings.get(account, 0) != wanted:
            raise doc.broken(f"postings.{account}", wanted, postings.get(account, 0))
    for account in ("expired", "refunded", "receivable"):
        if postings.get(account, 0) < 0:
            raise doc.broken(f"postings.{account}", "nothing below zero", postings[account])
    for account, nanos in postings.items():
        if not account.startswith("grant:"):
            continue
        source = account.removeprefix("grant:")
        if redeems and nanos > 0:
            _is_returned(tale, doc, source)
        elif not -extra[source] <= nanos <= back[source] - extra[source]:
            most = back[source] - extra[source]
            raise doc.broken(f"postings.{account}", f"{-extra[source]} to {most}", nanos)
    _tell(tale, cause, "recalled", "recalled_nanos", -1)
    _tell(tale, cause, "redeemed", "redeemed_nanos", 1)
    _tell(tale, cause, "cut", "cut_nanos", 1)
    if postings.get("expired", 0):
        for source, nanos in back.items():
            if source in tale.grants:
                tale.grants[source].late_nanos += nanos


def _is_returned(tale: Tale, doc: Doc, grant_id: str) -> None:
    """Take up what had been paid of a debt that is none: it is a grant, or a part of one.

    Of which one it became a part no entry says.
    """
    for grant in tale.grants.values():
        if grant.kind == "adjustment":
            grant.is_exact = False
    unsure = GrantTold("adjustment", doc.instant("at"), None, is_exact=False)
    tale.grants.setdefault(grant_id, unsure)


def _late(tale: Tale, doc: Doc, postings: Postings, earlier: Documents) -> None:
    """Work that ended after its hold had expired: what the expiry had not taken."""
    hold_id = doc.text("hold_id")
    doc.expect("entry_id", late_entry_id(hold_id))
    doc.expect("status", STATUS_OF["late"])
    ended = Doc(f"entries/{end_entry_id(hold_id)}", earlier.get(end_entry_id(hold_id), {}))
    ended.expect("kind", "expire")
    if ended.whole("seq") > tale.seq:
        raise ended.broken("seq", f"at most {tale.seq}", ended.whole("seq"))
    for name in ("amount_nanos", "started_at", "expires_at"):
        doc.expect(name, ended.fields.get(name))
    before_nanos = ended.whole("captured_nanos") + ended.whole("shortfall_nanos")
    if before_nanos:
        before = {name: ended.fields[name] for name in ("captured_nanos", "shortfall_nanos")}
        before["draws"] = list(ended.fields.get("draws", []))
        doc.inner("cause").expect("before", before)
    draws = draws_of(doc)
    if _sums(draws).total() != doc.whole("captured_nanos"):
        raise doc.broken("draws", doc.whole("captured_nanos"), _sums(draws).total())
    asked_nanos = doc.whole("captured_nanos") + doc.whole("shortfall_nanos")
    taken = {account_of(source): -nanos for source, nanos in _sums(draws).items()}
    flows = {"consumed": asked_nanos, "shortfall": -doc.whole("shortfall_nanos")}
    _expect_postings(doc, postings, {**flows, **taken})
    _received(tale, doc, draws)
    tale.window(doc.instant("window_start_at")).spent_nanos += _sums(draws)[INCLUDED]


# ---- what is given, and taken back -----------------------------------------------------------


def _grant(tale: Tale, doc: Doc, postings: Postings, _: Documents) -> None:
    """Credits are given once for a cause, as a grant of their own or as a part of one alike."""
    entry_id, amount_nanos = doc.text("entry_id"), doc.whole("amount_nanos")
    cause = doc.inner("cause")
    grant_id, kind = cause.text("grant_id"), cause.text("grant_kind")
    cause.one_of("grant_kind", tuple(PRIORITY_OF))
    own = f"grant:{grant_id}"
    if postings.get("granted", 0) != -amount_nanos:
        raise doc.broken("postings.granted", -amount_nanos, postings.get("granted", 0))
    if postings.keys() - GIVERS - {own} or min([0, *_but(postings, "granted")]) < 0:
        raise doc.broken("postings", f"what is given to {own}", dict(postings))
    ends_at = doc.maybe_instant("expires_at")
    if grant_id == entry_id:
        if grant_id in tale.grants:
            raise doc.broken("entry_id", "a grant that is not there yet", entry_id)
        tale.grants[grant_id] = GrantTold(
            kind, doc.instant("at"), ends_at, paid_nanos=cause.whole("paid_nanos", 0)
        )
    known = tale.grants.get(grant_id)
    if known is None or known.kind != kind or (grant_id != entry_id and kind in PAID_KINDS):
        raise cause.broken("grant_id", "a grant of this kind, or its own", grant_id)
    known.granted_nanos += amount_nanos
    if entry_id.startswith("free:") and entry_id.removeprefix("free:").isdecimal():
        tale.free_number = max(tale.free_number, int(entry_id.removeprefix("free:")))


def _but(postings: Postings, name: str) -> list[int]:
    return [nanos for account, nanos in postings.items() if account != name]


def _lapse(tale: Tale, doc: Doc, postings: Postings, _: Documents) -> None:
    """What is left of a grant is written off, or is back; or is told to have come too late."""
    entry_id, amount_nanos = doc.text("entry_id"), doc.signed("amount_nanos")
    cause = doc.inner("cause")
    grant_id = cause.text("grant_id")
    if entry_id == f"expire:{grant_id}:held":
        _expect_postings(doc, postings, {})
        return
    is_back = entry_id.startswith(f"return:{grant_id}:")
    is_over = entry_id == f"expire:{grant_id}" or entry_id.startswith(f"expire:{grant_id}:")
    if not (is_back and amount_nanos < 0) and not (is_over and amount_nanos >= 0):
        raise doc.broken("entry_id", f"the end of {grant_id}, or its return", entry_id)
    account = f"grant:{grant_id}"
    _expect_postings(doc, postings, {account: -amount_nanos, "expired": amount_nanos})
    if is_over and tale.pots[account] != amount_nanos:
        raise doc.broken("amount_nanos", tale.pots[account], amount_nanos)
    known = tale.grants.get(grant_id)
    if known is None or known.kind != cause.text("grant_kind"):
        raise cause.broken("grant_id", "a grant of this kind", grant_id)
    known.lapsed_nanos += amount_nanos
    if is_back:
        known.returned_by = entry_id
    elif known.kind == "plan" and (known.ends_at is None or doc.instant("at") < known.ends_at):
        known.ends_at = doc.instant("at")
    _tell(tale, cause, "cut", "cut_nanos", 1)


def _refund(tale: Tale, doc: Doc, postings: Postings, _: Documents) -> None:
    """Credits are taken back, or a refund or a cut is undone."""
    amount_nanos, moved_nanos = doc.signed("amount_nanos"), postings.get("refunded", 0)
    cause = doc.inner("cause", is_optional=True)
    is_fine = moved_nanos == amount_nanos or 0 <= moved_nanos <= amount_nanos
    if not is_fine or postings.keys() & {"held", "consumed", "shortfall", "granted", INCLUDED}:
        raise doc.broken("postings", f"what is refunded of {amount_nanos}", dict(postings))
    taken = _sums(draws_of(doc))
    for source, nanos in taken.items():
        if postings.get(account_of(source), 0) != -nanos:
            raise doc.broken("draws", postings.get(account_of(source), 0), -nanos)
    named = cause.text("grant_id", "")
    for account in postings:
        grant_id = account.removeprefix("grant:")
        if grant_id == account or (postings[account] <= 0 and grant_id in tale.grants):
            continue
        if cause.has("over_nanos"):
            continue  # a cut is undone: what is back was given before
        if grant_id == named:
            # It may be one that was gone, and is there again: of that not all is told.
            known = GrantTold("", doc.instant("at"), None, is_exact=False, knows_end=False)
            tale.grants.setdefault(grant_id, known).is_exact = False
        else:
            _is_returned(tale, doc, grant_id)
    _tell(tale, cause, "recall", "recalled_nanos", 1)
    _tell(tale, cause, "redeemed", "redeemed_nanos", 1)
    _tell(tale, cause, "cut", "cut_nanos", 1)
    # All that came back may have been cut at once, which moves nothing.
    is_cut = cause.inner("cut", is_optional=True).signed(named, 0) > 0 if named else False
    if named and (amount_nanos < 0 or is_cut):
        known = GrantTold("", doc.instant("at"), None, is_exact=False, knows_end=False)
        tale.grants.setdefault(named, known).is_exact = False


def _tell(tale: Tale, cause: Doc, name: str, field: str, sign: int) -> None:
    """Add what a cause says of grants under a name."""
    told = cause.inner(name, is_optional=True)
    for grant_id in told.fields:
        grant = tale.grants.get(grant_id)
        if grant is not None:
            setattr(grant, field, getattr(grant, field) + sign * told.signed(grant_id))


_KINDS: Mapping[str, Callable[[Tale, Doc, Postings, Documents], None]] = {
    "charge": _charge,
    "hold": _hold,
    "capture": _end,
    "void": _end,
    "expire": _end,
    "late": _late,
    "grant": _grant,
    "lapse": _lapse,
    "refund": _refund,
}
