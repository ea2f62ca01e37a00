"""The relay's door: secret keys, customer tokens and owners, one flat error body."""

from creditbase.accounts.origins import is_known_origin
from creditbase.accounts.use_cases import authenticator
from creditbase.relay.limits import relay_limit
from creditbase.runtime.doors import admit_customers_of, relay_door

RELAY = relay_door(authenticator(), relay_limit, admits=admit_customers_of(is_known_origin))
