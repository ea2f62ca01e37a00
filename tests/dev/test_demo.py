"""The story of `make demo`, told on the running stack; and that it can be disappointed."""

import pytest

from dev import demo, stack, story
from dev.expecting import Disappointed
from dev.layout import Layout
from dev.story import Story


@pytest.mark.stack
def test_the_whole_story_comes_true(stack_env: dict[str, str]) -> None:
    """Sign up, spend, be refused, pay, spend again, verify: as the README promises."""
    said: list[str] = []
    tale = Story(stack_env, said.append)

    for _, step in tale.steps():
        step()

    assert any("402 PAYMENT_REQUIRED" in line for line in said), said
    assert any("credited by the signed webhook" in line for line in said), said
    assert any("plan guru, 10,000 of 10,000 credits" in line for line in said), said
    assert any("chose Pro there: Your plan was changed." in line for line in said), said
    assert any("plan pro, ends" in line for line in said), said
    assert any("postings of each entry sum to zero" in line for line in said), said
    assert "VERIFIED" in said, said
    assert any("one nano less in a copy: BROKEN" in line for line in said), said


@pytest.mark.stack
def test_a_broken_promise_ends_the_story(
    stack_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A demo that cannot fail shows nothing."""
    monkeypatch.setattr(story, "FREE_CREDITS", 501)

    came_true = demo.tell(Story(stack_env, demo.say))

    assert not came_true
    assert "expected 501 credits" in capsys.readouterr().out


@pytest.mark.stack
def test_the_ledger_of_nobody_is_not_verified(stack_env: dict[str, str]) -> None:
    """The last step of the demo looks at what is there, not at a good intention."""
    said: list[str] = []
    tale = Story(stack_env, said.append)
    tale.sign_up()
    tale.first_touch()
    tale.charge(*story.CALLS[1], "call-1")
    nobody = tale.customer_id.replace("-", "0")

    with pytest.raises(Disappointed, match="a ledger without a fault"):
        tale.verify_ledger(stack_env["HUB_PROJECT_ID"], nobody)


def test_a_demo_that_ends_by_itself_invites_nobody(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Addresses where nobody answers any more, and passwords for them, only mislead."""
    monkeypatch.setenv("DEMO_EXIT", "1")
    values = {"HUB_URL": "http://127.0.0.1:1", "ADMIN_EMAIL": "a@b.c", "ADMIN_PASSWORD": "x"}
    monkeypatch.setattr(stack, "up", lambda *_, **__: values)
    monkeypatch.setattr(stack, "down", lambda _: 7)
    monkeypatch.setattr(demo, "tell", lambda _: True)

    status = demo.run(Layout(5))

    assert (status, capsys.readouterr().out.strip()) == (0, "Ended 7 processes.")
