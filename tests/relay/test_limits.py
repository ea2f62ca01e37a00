"""How fast a project may call the meter: one setting, and nothing for other classes."""

import pytest

from creditbase.relay.limits import metering_limit
from creditbase.runtime.identity import Caller, CallerKind
from creditbase.runtime.limits import RateLimit
from creditbase.runtime.routes import RateClass
from creditbase.runtime.settings import settings

PROJECT = Caller(kind=CallerKind.SECRET_KEY, project_id="p")


def test_metering_has_the_settings_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway of many customers is one caller here, so it is high by default."""
    monkeypatch.setenv("CREDITBASE_METERING_PER_MINUTE", "7")
    settings.cache_clear()

    assert metering_limit(PROJECT, RateClass.METERING) == RateLimit(per_minute=7)
    settings.cache_clear()


@pytest.mark.parametrize("rate_class", [RateClass.USER, RateClass.SYNC, RateClass.NONE])
def test_other_classes_have_none_here(rate_class: RateClass) -> None:
    """A project is not a user."""
    assert metering_limit(PROJECT, rate_class) is None
