"""The test cards, and what becomes of a payment with each. Pure."""

from dataclasses import dataclass
from typing import Literal

from stripe_local.wire.errors import CardRefused


@dataclass(frozen=True)
class Card:
    """What a payer types into the form."""

    number: str
    exp_month: int = 12
    exp_year: int = 2099
    cvc: str = "123"

    @property
    def digits(self) -> str:
        """Return the number without the spaces and dashes that people write."""
        return self.number.replace(" ", "").replace("-", "")

    @property
    def last4(self) -> str:
        """Return the four digits that may be shown."""
        return self.digits[-4:]


@dataclass(frozen=True)
class Decline:
    """What the bank answers when it does not pay."""

    decline_code: str
    message: str
    seller_message: str
    advice_code: str | None = None
    code: str = "card_declined"


@dataclass(frozen=True)
class TestCard:
    """A number that Stripe's test mode knows, and how the bank behind it answers."""

    number: str
    meaning: str
    brand: str = "visa"
    decline: Decline | None = None
    can_be_kept: bool = True
    """Whether a customer can keep it for later, which says nothing of paying then."""
    is_disputed: bool = False
    """Whether its owner asks for the money back as soon as it has paid."""
    authentication: Literal["never", "until_set_up", "always"] = "never"
    """When its bank wants to see its owner. Set up means: authenticated once, and kept."""
    aliases: tuple[str, ...] = ()
    """What Stripe's `pm_card_…` and `tok_…` ids call it."""

    @property
    def spaced(self) -> str:
        """Return the number in groups of four, as on a card."""
        return " ".join(self.number[at : at + 4] for at in range(0, len(self.number), 4))


TEST_CARDS = (
    TestCard("4242424242424242", "pays", aliases=("visa", "us")),
    TestCard(
        "5555555555554444", "pays, a Mastercard", brand="mastercard", aliases=("mastercard",)
    ),
    TestCard(
        "4000000000000002",
        "is declined",
        decline=Decline(
            "generic_decline",
            "Your card was declined.",
            "The bank did not return any further details with this decline.",
            advice_code="try_again_later",
        ),
        can_be_kept=False,
        aliases=("chargeDeclined", "visa_chargeDeclined"),
    ),
    TestCard(
        "4000000000009995",
        "has insufficient funds",
        decline=Decline(
            "insufficient_funds",
            "Your card has insufficient funds.",
            "The bank returned the decline code `insufficient_funds`.",
            advice_code="try_again_later",
        ),
        can_be_kept=False,
        aliases=("chargeDeclinedInsufficientFunds", "visa_chargeDeclinedInsufficientFunds"),
    ),
    TestCard(
        "4000000000000341",
        "can be kept, and is declined whenever it shall pay",
        decline=Decline(
            "generic_decline",
            "Your card was declined.",
            "The bank did not return any further details with this decline.",
            advice_code="try_again_later",
        ),
        aliases=("chargeCustomerFail",),
    ),
    TestCard(
        "4000000000000259",
        "pays, and the payment is disputed",
        is_disputed=True,
        aliases=("createDispute",),
    ),
    TestCard(
        "4000002500003155",
        "wants to be authenticated once, and pays from then on",
        authentication="until_set_up",
        aliases=("authenticationRequiredOnSetup",),
    ),
    TestCard(
        "4000002760003184",
        "wants to be authenticated for every payment",
        authentication="always",
        aliases=("authenticationRequired",),
    ),
    TestCard(
        "4000000000003220",
        "wants to be authenticated for every payment (3-D Secure 2)",
        authentication="always",
        aliases=("threeDSecure2Required",),
    ),
)

AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "The bank returned the decline code `authentication_required`.",
    code="authentication_required",
)
"""What a bank answers that wants to see the owner of a card who is not there."""

ACTION_NOT_WANTED = Decline(
    "authentication_required",
    "The provided payment method requires customer actions to complete, but "
    "`error_on_requires_action` was set.",
    "The bank returned the decline code `authentication_required`.",
    code="payment_intent_action_required",
)
"""What is said where the owner of the card is not to be asked, whatever the bank wants."""

_BY_NUMBER = {card.number: card for card in TEST_CARDS}
_BY_ALIAS = {alias: card for card in TEST_CARDS for alias in card.aliases}


def find_alias(name: str, prefix: str) -> TestCard | None:
    """Return the test card that an id like `pm_card_visa` or `tok_visa` stands for."""
    return _BY_ALIAS.get(name.removeprefix(prefix)) if name.startswith(prefix) else None


def recognise(card: Card, *, year: int, month: int) -> TestCard:
    """Return the test card behind what was typed, in the given month.

    Raises:
        CardRefused: the number is not a test card's, the card has run out, or the security
            code is not one. Nothing has been charged then, and no payment has begun.
    """
    known = _BY_NUMBER.get(card.digits)
    if known is None:
        raise CardRefused(
            "Your card number is incorrect.", code="incorrect_number", param="number"
        )
    if not 1 <= card.exp_month <= 12:
        raise CardRefused(
            "Your card's expiration month is invalid.",
            code="invalid_expiry_month",
            param="exp_month",
        )
    if (card.exp_year, card.exp_month) < (year, month) or card.exp_year > year + 100:
        raise CardRefused(
            "Your card's expiration year is invalid.",
            code="invalid_expiry_year",
            param="exp_year",
        )
    if not (card.cvc.isdigit() and len(card.cvc) in {3, 4}):
        raise CardRefused(
            "Your card's security code is invalid.", code="invalid_cvc", param="cvc"
        )
    return known
