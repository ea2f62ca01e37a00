"""Bugs of what others build upon: the Python client, its wrapper, the import of customers."""

from tests.teeth.rows import Bug

CLIENTS = {
    "a repeat has a key of its own": Bug(
        "creditbase_client.calling:Caller._send",
        "idempotency_key=idempotency_key,",
        'idempotency_key=f"{idempotency_key}{tries}",',
        "tests/clients/test_retrying.py::TestBothClients"
        "::test_a_try_that_failed_is_repeated_with_the_same_key_and_body",
    ),
    "work that failed is charged": Bug(
        "creditbase_client.holding:Work.before",
        "if problem is None else None",
        "",
        "tests/clients/test_holding.py::TestWaiting::test_an_exception_voids_it_and_goes_on",
    ),
    "who is cancelled leaves a hold behind": Bug(
        "creditbase_client.holding:AsyncHeldWork.__aenter__",
        "_begin(self._give_back(placing))",
        "pass",
        "tests/clients/test_holding.py"
        "::test_who_is_cancelled_while_the_hold_is_being_placed_leaves_none_behind",
    ),
    "a count that can be none is nothing": Bug(
        "creditbase_client.usage:usage_of",
        "return None  # no count that can be: nobody knows",
        "pass",
        "tests/clients/test_metered_openai.py"
        "::test_a_count_that_can_be_none_is_not_taken_for_nothing",
    ),
    "a stream is not asked what it used": Bug(
        "creditbase_client.openai:telling_usage",
        '"include_usage": True',
        '"include_usage": False',
        "tests/clients/test_metered_openai.py::TestWaiting"
        "::test_a_stream_asks_for_its_usage_and_hides_that_from_who_did_not",
    ),
    "an error is charged": Bug(
        "creditbase_client.asgi:_Reply.send",
        'message["status"] < 400',
        "True",
        "tests/clients/test_metering_middleware.py::test_an_error_is_voided",
    ),
    "a year brings a month's credits": Bug(
        "creditbase.payments.adopting:check_mapping",
        'price.every != "month"',
        "not price.every",
        "tests/command_line/test_import_trouble.py::TestPrices"
        "::test_a_price_in_another_rhythm_than_the_plan_is_refused",
    ),
    "a user's own word makes a Stripe customer theirs": Bug(
        "creditbase.payments.adopting:_reason_to_leave",
        "told.metadata.get(UID) == uid",
        "told.metadata",
        "tests/command_line/test_import.py::test_nothing_is_guessed",
    ),
}
