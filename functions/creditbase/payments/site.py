"""Where Stripe's pages send people back to: the site of the settings, and nowhere else."""

from creditbase.kernel.errors import Unavailable
from creditbase.runtime.log import alert
from creditbase.runtime.settings import settings

BILLING_PATH = "/app/billing"
"""The page of the web app that waits for what was paid; docs and `web/` know it too."""


def site_url() -> str:
    """Return the origin of the web app; an address from a client would be an open redirect.

    Raises:
        Unavailable: nobody has set it.
    """
    found = settings().site_url
    if found is None:
        alert("site_url_missing", "CREDITBASE_SITE_URL is not set: nowhere to return to")
        raise Unavailable
    return found
