"""The one shape in which everything of Stripe travels: the JSON object it will be sent as."""

from typing import Any

Resource = dict[str, Any]
"""A Stripe object exactly as on the wire: plain JSON values under Stripe's own field names."""
