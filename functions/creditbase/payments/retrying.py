"""When an event that could not be finished is tried again, by the inbox itself. Pure."""

from creditbase.kernel import trying

ATTEMPTS_MAX = trying.ATTEMPTS_MAX
"""How often an event is tried before the inbox calls for a person."""
retry_after = trying.rest_after
"""How long an unfinished event rests after so many attempts."""
shard_of = trying.shard_of
"""The shard of the index of due times that an event belongs to."""
