"""`/usage/days`: what a user used on each UTC day, by model; days without use are zeros.

Credits are rounded up once for the whole answer and shared out by largest remainder, so that
days add up to the total and models to their day. One RPC.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from creditbase.hub.door import HUB
from creditbase.hub.payer import payer_of
from creditbase.kernel.days import days_between, range_of
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.money import NANOS_PER_CREDIT, apportion, apportion_up
from creditbase.ledger.domain.wallet import Tallies, Tally
from creditbase.ledger.store import load_days
from creditbase.runtime.http import Call, Reply, endpoint

NO_USE: Tallies = {}


@endpoint("usage_days", door=HUB)
def usage_days(call: Call) -> Reply:
    """Show the days from `start_date` to `end_date`, both inclusive; the last thirty at first.

    Answers 400 `INVALID_REQUEST` to days that are none, in the wrong order, or too many.
    """
    dates = days_between(*asked_days(call.body, now=call.now))
    wallet, closed = load_days(payer_of(call), dates)
    days = {day.date: day.tallies for day in closed}
    if wallet is not None and wallet.today.tallies:
        days[wallet.today.date] = wallet.today.tallies
    return Reply(body=_body(dates, [days.get(it, NO_USE) for it in dates]))


def asked_days(query: Mapping[str, object], *, now: datetime) -> tuple[date, date]:
    """Return the first and the last day of a query; hub-api.md 6.1.

    Raises:
        InvalidRequest: a day that is none, the wrong order, or more than a year.
    """
    first, last = (_day(query.get(name), name) for name in ("start_date", "end_date"))
    return range_of(first, last, today=now.date())


def _day(given: object, field: str) -> date | None:
    if given is None:
        return None
    try:
        if not isinstance(given, str) or len(given) != len("2026-01-31"):
            raise InvalidRequest(f"{field} must be a day like 2026-01-31", field=field)
        return date.fromisoformat(given)
    except ValueError:
        raise InvalidRequest(f"{field} is no day", field=field) from None


def _body(dates: Sequence[str], days: Sequence[Tallies]) -> dict[str, object]:
    spent = [sum(tally.amount_nanos for tally in day.values()) for day in days]
    shares = apportion_up(spent, unit_nanos=NANOS_PER_CREDIT)
    return {
        "start_date": dates[0],
        "end_date": dates[-1],
        "total_credits_used": sum(shares),
        "total_requests": sum(tally.requests for day in days for tally in day.values()),
        "days": [
            _row(name, tallies, share)
            for name, tallies, share in zip(dates, days, shares, strict=True)
        ],
    }


def _row(name: str, tallies: Tallies, used: int) -> dict[str, object]:
    ordered = sorted(tallies.items(), key=lambda item: (-item[1].amount_nanos, item[0]))
    amounts = [tally.amount_nanos for _, tally in ordered]
    shares = apportion(amounts, total=used, unit_nanos=NANOS_PER_CREDIT)
    return {
        "date": name,
        "credits_used": used,
        **_counts(tallies.values()),
        "breakdown_by_model": [
            {"model": model, "credits_used": share, **_counts([tally])}
            for (model, tally), share in zip(ordered, shares, strict=True)
        ],
    }


def _counts(tallies: Collection[Tally]) -> dict[str, int]:
    return {
        "requests": sum(tally.requests for tally in tallies),
        "input_tokens": sum(tally.input_tokens for tally in tallies),
        "output_tokens": sum(tally.output_tokens for tally in tallies),
        "images": sum(tally.images for tally in tallies),
    }
