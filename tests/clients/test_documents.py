"""The code of `docs/clients.md` runs as it stands."""

import re
import secrets

import pytest
from starlette.applications import Starlette

from creditbase_client import Creditbase, FirebaseUser
from dev.client import Customer
from dev.layout import ROOT
from tests.clients.test_metered_openai import Model, completion

pytestmark = pytest.mark.stack


def test_every_block_of_the_page_runs_one_after_the_other(
    stack_env: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever pastes them gets what the page says."""
    signed_up = Customer.sign_up(stack_env, f"{secrets.token_hex(6)}@example.com", "secret-1")
    token = signed_up.headers["Authorization"].removeprefix("Bearer ")
    user = FirebaseUser(token, stack_env["APP_CHECK_TOKEN"])
    with Creditbase(stack_env["HUB_URL"], user) as back_office:
        assert back_office.usage_me()["monthly_credits_remaining"] == 500
        known = {
            "METER_URL": stack_env["METER_URL"],
            "HUB_SECRET_KEY": stack_env["HUB_SECRET_KEY"],
            "answer_id": secrets.token_hex(6),
            "customer": signed_up.uid,
            "back_office": back_office,
            "openai": Model(completion()).client(),
            "app": Starlette(),
        }
        blocks = re.findall(
            r"```python\n(.*?)```", (ROOT / "docs/clients.md").read_text(), re.DOTALL
        )
        for block in blocks:
            exec(compile(block, "docs/clients.md", "exec"), known)  # noqa: S102 - our own page
        billing = known["billing"]
        assert isinstance(billing, Creditbase)
        billing.close()

    said = capsys.readouterr().out
    assert len(blocks) == 5
    assert "captured " in said
    assert re.search(r"^3 capture", said, re.MULTILINE)
