"""Who calls: one of four, and the headers that say so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Text = str | Callable[[], str]
"""A token, or what returns one that is still good."""


def _text(told: Text) -> str:
    return told if isinstance(told, str) else told()


@dataclass(frozen=True)
class SecretKey:
    """A project's secret key (`mr_sk_…`): back ends. Metering, customers, tiers."""

    key: str = field(repr=False)

    def headers(self) -> Mapping[str, str]:
        """Return what a request carries."""
        return {"X-ModelRelay-Api-Key": self.key}


@dataclass(frozen=True)
class ApiKey:
    """A hub user's API key (`inf_…`): their own usage and ledger."""

    key: str = field(repr=False)

    def headers(self) -> Mapping[str, str]:
        """Return what a request carries."""
        return {"X-Api-Key": self.key}


@dataclass(frozen=True)
class CustomerToken:
    """A relay customer's token (`mr_ct_…`): what a customer sees and does itself."""

    token: Text = field(repr=False)

    def headers(self) -> Mapping[str, str]:
        """Return what a request carries."""
        return {"Authorization": f"Bearer {_text(self.token)}"}


@dataclass(frozen=True)
class FirebaseUser:
    """Somebody signed in, in an attested app: ID token and App Check token, always both."""

    id_token: Text = field(repr=False)
    app_check_token: Text = field(repr=False)

    def headers(self) -> Mapping[str, str]:
        """Return what a request carries."""
        return {
            "Authorization": f"Bearer {_text(self.id_token)}",
            "X-Firebase-AppCheck": _text(self.app_check_token),
        }


Credential = SecretKey | ApiKey | CustomerToken | FirebaseUser
