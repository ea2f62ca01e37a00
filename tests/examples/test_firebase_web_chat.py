"""The chat in a real browser: started as its README says, asked, paid for, and refused."""

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect, sync_playwright

from creditbase_client import Creditbase, SecretKey
from creditbase_client.types_gen import MakeQuoteAnswer, UsageFields
from dev import background, blocks, chromium
from tests.clients.test_against_stack import subject, wait_until
from tests.examples.reading import Place, read

pytestmark = pytest.mark.stack

README = "examples/firebase-web-chat/README.md"
STARTS_WITHIN_S = 90
ARRIVES_WITHIN_MS = 60_000
NANOS_PER_CREDIT = 1_000_000


@pytest.fixture
def url(tmp_path: Path, stack_env: dict[str, str]) -> Iterator[str]:
    """Type what the README says; return where the page is then."""
    place = Place.at(tmp_path, stack_env)
    text, ports = read(README)
    (block,) = (one for one in blocks.blocks_of(README, text) if one.kind == "run")
    program = background.start(
        "chat",
        ["bash", "-euc", block.text],
        log=tmp_path / "chat.log",
        cwd=place.folder,
        env=place.env,
        ends_with_us=signal.SIGKILL,
    )
    try:
        for port in ports.values():
            background.wait_until(
                partial(answers, port),
                program=program,
                within_s=STARTS_WITHIN_S,
                what=f"port {port}",
            )
        yield f"http://127.0.0.1:{ports['18713']}/"
    finally:
        os.killpg(program.process.pid, signal.SIGKILL)
        program.process.wait(timeout=20)


def answers(port: int) -> bool:
    """Whether somebody answers there, whatever it says."""
    try:
        requests.get(f"http://127.0.0.1:{port}/", timeout=5)
    except requests.RequestException:
        return False
    return True


@pytest.fixture
def page(url: str) -> Iterator[Page]:
    """Open the page, and let nothing go wrong in it unseen."""
    problems: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=chromium.options()
        )
        page = browser.new_page()
        page.set_default_timeout(ARRIVES_WITHIN_MS)
        expect.set_options(timeout=ARRIVES_WITHIN_MS)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(url)
        yield page
        browser.close()
    assert problems == []


def test_a_person_asks_and_pays_until_there_is_nothing_left(
    page: Page, stack_env: dict[str, str]
) -> None:
    """What the model reported is charged; then the page says that the credits are used up."""
    expect(page.get_by_label("Credits")).to_have_text("500 credits")

    # when a question is asked and answered
    with page.expect_request("**/chat") as asked:
        say(page, "Hello there")
    expect(page.locator("li.theirs")).to_have_text("You said: Hello there ")
    expect(page.get_by_role("button", name="Send")).to_be_enabled()

    # then it was charged, as the model reported it
    token = asked.value.headers["authorization"].removeprefix("Bearer ")
    secret = SecretKey(stack_env["HUB_SECRET_KEY"])
    with Creditbase(stack_env["METER_URL"], secret) as billing:
        left_nanos = 500 * NANOS_PER_CREDIT
        left_nanos -= price(billing, token, {"input_tokens": 2, "output_tokens": 4})
        assert balance(billing, token) == (left_nanos, 0)

        # when somebody reads a part of an answer and leaves, then it is paid all the same
        long = "word " * 40
        with requests.post(
            f"{page.url}chat",
            json={"question": long},
            headers={"Authorization": f"Bearer {token}"},
            stream=True,
            timeout=60,
        ) as left:
            assert next(left.iter_content(4)) == b"You "
        usage: UsageFields = {"input_tokens": 40, "output_tokens": 42}
        left_nanos -= price(billing, token, usage)
        wait_until(lambda: balance(billing, token) == (left_nanos, 0))

        # when the credits are spent elsewhere, then the page says so
        billing.charge(
            idempotency_key=f"spend:{subject(token)}",
            customer_external_id=subject(token),
            amount_nanos=left_nanos,
        )
    say(page, "And now?")
    expect(page.locator("li.problem")).to_have_text("Your credits are used up.")
    expect(page.get_by_label("Credits")).to_have_text("0 credits")


def quote(billing: Creditbase, token: str, usage: UsageFields) -> MakeQuoteAnswer:
    """Ask what a call would cost, and what is there to pay it with."""
    return billing.make_quote(
        customer_external_id=subject(token), model="gpt-5-mini", usage_max=usage
    )


def price(billing: Creditbase, token: str, usage: UsageFields) -> int:
    """Return what a call with this usage costs."""
    return quote(billing, token, usage)["quote"]["amount_nanos"]


def balance(billing: Creditbase, token: str) -> tuple[int, int]:
    """Return what is available and what is held."""
    told = quote(billing, token, {"input_tokens": 1})["balance"]
    return told["available_nanos"], told["held_nanos"]


def say(page: Page, question: str) -> None:
    """Type a question, and send it."""
    page.get_by_label("Question").fill(question)
    page.get_by_role("button", name="Send").click()
