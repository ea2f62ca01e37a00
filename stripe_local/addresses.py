"""Addresses on the web that a request gives: where to send a payer or an event. Pure."""

from urllib.parse import urlsplit

from stripe_local.wire.errors import InvalidParameter


def check_address(url: str, param: str) -> None:
    """Refuse what is no web address.

    Raises:
        InvalidParameter: with Stripe's own code for it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise InvalidParameter("Not a valid URL", code="url_invalid", param=param) from None
    if not parts.scheme:
        raise InvalidParameter(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            code="url_invalid",
            param=param,
        )
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise InvalidParameter("Not a valid URL", code="url_invalid", param=param)
