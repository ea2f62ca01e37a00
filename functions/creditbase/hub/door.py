"""The hub's door: Firebase users and their API keys, two protocols, the hub's error table."""

from creditbase.accounts.use_cases import authenticator
from creditbase.hub import errors
from creditbase.hub.limits import limit_for
from creditbase.runtime.doors import Door
from creditbase.runtime.routes import DoorName

HUB = Door(
    name=DoorName.HUB,
    authenticator=authenticator(),
    refuse=errors.refuse,
    bug=errors.BUG,
    body=errors.body,
    limit_for=limit_for,
    speaks_callable=True,
)
