"""Commands about what calls cost: a project's own prices, and what it adds to all of them."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from creditbase.admin.command_frame import Group, add_command, add_group
from creditbase.catalog.domain import Markup, Rule
from creditbase.catalog.rates_models import read_rates
from creditbase.catalog.rates_use_cases import compare_rates, push_rates
from creditbase.catalog.use_cases import change_markup
from creditbase.kernel.errors import InvalidRequest
from creditbase.kernel.ids import project_uuid
from creditbase.kernel.money import AMOUNT_NANOS_MAX, BPS_PER_ONE

BPS_MAX = 1_000_000


def take_prices(groups: Group) -> None:
    """Add what may be typed about rates and markups."""
    rates = add_group(groups, "rates", "compare or push a project's own prices")
    for name, run, text in (
        ("diff", _diff, "show what a push would change, and what has to be signed for"),
        ("push", _push, "make the file what the project prices by"),
    ):
        command = add_command(rates, name, run, text)
        command.add_argument("file", type=Path, help="JSON: version, models, negotiated")
        command.add_argument("--project", default="hub", help="name of the project (hub)")
    command.add_argument(
        "--sign-off",
        action="store_true",
        help="prices that move by more than a fifth are meant",
    )

    markup = add_group(groups, "markup", "show or change what is added to providers' prices")
    command = add_command(markup, "show", _show, "show every rule of a project")
    command.add_argument("--project", default="hub", help="name of the project (hub)")
    command = add_command(markup, "set", _set, "change a rule; what is not said stays")
    command.add_argument("--project", default="hub", help="name of the project (hub)")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--provider", help="the rule of a provider's models")
    which.add_argument("--model", help="the rule of a model, by its id")
    which.add_argument(
        "--plan", help="the rule of a plan, by its code, or of a tier, by its id"
    )
    command.add_argument("--bps", type=_bps, help="basis points; 450 adds 4.5 percent")
    command.add_argument("--fee-nanos", type=_nanos, help="of each request")
    command.add_argument("--minimum-nanos", type=_nanos, help="of a call that costs anything")
    command.add_argument(
        "--below-cost", choices=("yes", "no"), help="whether a plan's prices may go below cost"
    )


def _diff(given: argparse.Namespace) -> None:
    push = compare_rates(project_uuid(given.project), read_rates(given.file))
    for line in push.lines:
        print(line)
    for jump in push.jumps:
        _say(f"to be signed for: {jump}")
    _say("pushing would change this" if push.changes else "nothing differs")


def _push(given: argparse.Namespace) -> None:
    file = read_rates(given.file)
    push = push_rates(project_uuid(given.project), file, is_signed=given.sign_off)
    for line in push.lines:
        print(line)
    _say(f"{given.project} now prices by its rates {file.version}")


def _show(given: argparse.Namespace) -> None:
    _print(change_markup(project_uuid(given.project), lambda known: known))


def _set(given: argparse.Namespace) -> None:
    if given.below_cost and not given.plan:
        raise InvalidRequest("Only a plan's prices may go below cost")
    _print(change_markup(project_uuid(given.project), lambda known: _changed(known, given)))


def _changed(known: Markup, given: argparse.Namespace) -> Markup:
    """Return the markup with what was said of one of its rules."""
    amounts = {"fee_nanos": given.fee_nanos, "minimum_nanos": given.minimum_nanos}
    said: dict[str, Any] = {name: it for name, it in amounts.items() if it is not None}
    for kind, name in (
        ("providers", given.provider),
        ("models", given.model),
        ("plans", given.plan),
    ):
        if name:
            rules = getattr(known, kind)
            bps = {} if given.bps is None else {"bps": given.bps}
            below = {"allows_below_cost": given.below_cost == "yes"} if given.below_cost else {}
            rule = replace(rules.get(name, Rule()), **said, **bps, **below)
            changed: dict[str, Any] = {kind: {**rules, name: rule}}
            return replace(known, **changed)
    if given.bps is not None and given.bps < 0:
        raise InvalidRequest("What is added where no rule says otherwise is not below zero")
    bps = {} if given.bps is None else {"default_bps": given.bps}
    return replace(known, **said, **bps)


def _print(markup: Markup) -> None:
    print(f"default: {markup.default_bps} basis points")
    print(f"fee_nanos: {markup.fee_nanos}, minimum_nanos: {markup.minimum_nanos}")
    for kind in ("providers", "models", "plans"):
        for name, rule in sorted(getattr(markup, kind).items()):
            print(f"{kind.removesuffix('s')} {name}: {_rule(rule)}")


def _rule(rule: Rule) -> str:
    words = {
        "bps": rule.bps,
        "fee_nanos": rule.fee_nanos,
        "minimum_nanos": rule.minimum_nanos,
        "allows_below_cost": rule.allows_below_cost,
    }
    return ", ".join(f"{name} {value}" for name, value in words.items() if value is not None)


def _bps(text: str) -> int:
    return _number(text, -BPS_PER_ONE, BPS_MAX)


def _nanos(text: str) -> int:
    return _number(text, 0, AMOUNT_NANOS_MAX)


def _number(text: str, least: int, most: int) -> int:
    try:
        number = int(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(f"{text} is no whole number") from fault
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
    return number


def _say(text: str) -> None:
    print(text, file=sys.stderr)
