"""One bug for each real incident of the specification's list, where it could be one of ours."""

from tests.teeth.rows import Bug

INCIDENTS = {
    "I-01 an event that comes twice grants twice": Bug(
        "creditbase.ledger.domain.decide:_prior",
        "return known.get(command.entry_id)",
        "return None",
        "tests/ledger/test_replays.py::test_a_command_given_again_changes_nothing",
    ),
    "I-02 a top-up is granted by each of its causes": Bug(
        "creditbase.payments.domain:decide_session",
        "topup_grant_id(payment_id)",
        "topup_grant_id(session.session_id)",
        "tests/payments/test_domain.py::TestDecideSession::test_paid_is_owed_the_packs_credits_once",
    ),
    "I-03 a finished event is handled again": Bug(
        "creditbase.payments.use_cases:take_event",
        "if stored.is_finished:",
        "if False:",
        "tests/payments/test_webhook_grants.py::TestGrant"
        "::test_the_same_event_again_is_answered_and_not_acted_on",
    ),
    "I-04 every upgrade brings the whole allotment": Bug(
        "creditbase.subscriptions.domain.owed:_weight",
        "_micros(line.start_at, line.end_at)",
        "2_592_000_000_000",
        "tests/subscriptions/test_owed.py"
        "::test_an_upgrade_one_day_before_the_end_brings_a_days_credits",
    ),
    "I-05 the end of an old subscription ends the new one": Bug(
        "creditbase.subscriptions.domain.standing:decide_standing",
        "if not live:",
        "if not live or any(one.status in ENDED for one in ours):",
        "tests/subscriptions/test_standing.py::TestTwo::test_an_old_ones_end_leaves_the_new_one_alone",
    ),
    "I-06 money goes back and the credits stay": Bug(
        "creditbase.payments.returning:mirror_return",
        "return follow_payment(payment_id, now=now)",
        'return Outcome("applied")',
        "tests/payments/test_refunds.py::TestTopup"
        "::test_what_was_spent_is_owed_and_the_next_pack_pays_it",
    ),
    "I-07 each partial refund takes the sum of all": Bug(
        "creditbase.payments.undoing:decide_return",
        "amount_nanos=target - reached_nanos",
        "amount_nanos=target",
        "tests/payments/test_returns.py::test_partial_refunds_add_up_to_the_whole",
    ),
    "I-08 what is held may be spent once more": Bug(
        "creditbase.ledger.domain.draft:Draft.take",
        "remaining_nanos=grant.remaining_nanos - draw.amount_nanos",
        "remaining_nanos=grant.remaining_nanos - (0 if for_hold else draw.amount_nanos)",
        "tests/ledger/test_holds.py::test_a_hold_reserves_and_takes_nothing_yet",
    ),
    "I-09 a hold that timed out is captured in full once more": Bug(
        "creditbase.ledger.domain.settling:capture_late",
        "rest_nanos = max(0, amount_nanos - already_nanos)",
        "rest_nanos = amount_nanos",
        "tests/ledger/test_holds_late.py::test_what_the_time_out_could_not_pay_is_not_asked_again",
    ),
    "I-10 a window gives its credits again": Bug(
        "creditbase.ledger.domain.passing:turn_window",
        "if number > draft.wallet.free_number and",
        "if number >= draft.wallet.free_number and",
        "tests/ledger/test_windows.py::test_a_window_turns_at_its_instant_and_gives_its_credits_once",
    ),
    "I-11 two processes carry the same parcel": Bug(
        "creditbase.runtime.outbox:try_to_deliver",
        'return "left"  #',
        "version = parcel.version  #",
        "tests/jobs/test_deliver_outbox.py::TestBySmtp::test_of_runs_that_overlap_one_sends",
    ),
    "I-12 who dies while carrying keeps a parcel for ever": Bug(
        "creditbase.kernel.outbox:Delivery.due_at",
        "return self.lease_expires_at",
        "return None",
        "tests/kernel/test_outbox.py::test_what_is_taken_is_due_again_when_its_lease_is_over",
    ),
    "I-12 a purchase whose answer was lost begins another": Bug(
        "creditbase.payments.domain:decide_intent",
        "if not newest.session_id and newest.order == order:",
        "if newest.session_id and newest.order == order:",
        "tests/payments/test_domain.py::TestDecideIntent::test_a_number_without_a_session_is_used_again",
    ),
    "I-13 a late answer overwrites a newer one": Bug(
        "creditbase.payments.store:account_update",
        "unless_changed_since=account.version",
        "unless_changed_since=None",
        "tests/payments/test_webhook_grants.py::TestGrant"
        "::test_a_late_answer_of_stripe_never_overwrites_a_newer_one",
    ),
    "I-14 two subscriptions of one customer both go on": Bug(
        "creditbase.subscriptions.domain.standing:decide_standing",
        "surplus=tuple(one.subscription_id for one in live[1:])",
        "surplus=()",
        "tests/subscriptions/test_standing.py::TestTwo::test_the_dearer_counts_and_the_other_is_surplus_in_any_order",
    ),
    "I-15 an event that could not be stored is answered as if it were": Bug(
        "creditbase.payments.use_cases:_store_event",
        "raise Unavailable",
        "return inbox_store.Stored(is_finished=True, version=None)",
        "tests/payments/test_webhook_failures.py::TestTheStoreBreaks::test_and_delivered_again_there_is_one_grant",
    ),
    "I-15 a refund that is told before its payment is let go": Bug(
        "creditbase.payments.returning:_write_down",
        "raise PaymentUntold",
        "return None",
        "tests/payments/test_refunds.py::TestTopup"
        "::test_a_refund_that_is_told_before_its_payment_waits_for_it",
    ),
    "I-16 every user is an administrator": Bug(
        "creditbase.runtime.identity:Authenticator.identify",
        "self._find_role(found.uid) != ADMIN_ROLE",
        "not found.uid",
        "tests/hub/test_admin_door.py::test_an_admin_route_is_for_admins_of_this_very_moment",
    ),
    "I-17 who signed up on the 31st stays on the 28th": Bug(
        "creditbase.kernel.windows:months_after",
        "min(anchor_at.day, monthrange(year, month)[1])",
        "min(anchor_at.day, 28)",
        "tests/kernel/test_windows.py::test_a_customer_of_the_31st_returns_to_the_31st",
    ),
    "I-18 one grant for all periods of a subscription": Bug(
        "creditbase.kernel.ids:cycle_grant_id",
        "{to_micros(period_start) // 1_000_000}",
        "{to_micros(period_start) // 10**15}",
        "tests/kernel/test_ids.py::test_the_start_of_a_period_names_it_in_whole_seconds",
    ),
    "I-18 every way up of a period is another grant": Bug(
        "creditbase.subscriptions.domain.owed:_upgrades",
        "max(sum_so_far, highest) // whole - highest // whole",
        "max(sum_so_far, highest) // whole",
        "tests/subscriptions/test_owed.py::test_going_down_and_up_again_sells_nothing_twice",
    ),
    "I-19 another request under the same key is a replay": Bug(
        "creditbase.ledger.domain.decide:_prior",
        "prior.request_digest != command.request_digest",
        "not prior.request_digest",
        "tests/ledger/test_replays.py::test_the_same_key_for_another_request_is_refused",
    ),
    "I-20 more goes back than was granted": Bug(
        "creditbase.kernel.money:share_floor",
        "min(part, whole)",
        "part",
        "tests/kernel/test_money.py::test_a_share_rounds_down_and_never_exceeds_the_whole",
    ),
    "I-21 a card has a trial for each account": Bug(
        "creditbase.subscriptions.domain.trials:decide_trial",
        "if owner != customer_id]",
        "if not owner]",
        "tests/subscriptions/test_trials.py::TestASecond::test_a_card_or_address_of_somebody_elses_trial_is_refused",
    ),
    "I-21 a label makes another address": Bug(
        "creditbase.subscriptions.domain.trials:normal_address",
        'name.partition("+")[0]',
        "name",
        "tests/subscriptions/test_trials.py::test_spellings_of_one_mailbox_are_one_address",
    ),
    "I-22 a session that waits for its money is given up": Bug(
        "creditbase.payments.domain:decide_session",
        'if session.payment_status == "unpaid" or record.kind == SUBSCRIPTION:',
        "if record.kind == SUBSCRIPTION:",
        "tests/payments/test_domain.py::TestDecideSession::test_unpaid_waits",
    ),
    "I-23 a voucher that ended is open": Bug(
        "creditbase.admin.domain.vouchers:Voucher.is_open",
        "self.disabled_at is None",
        "True",
        "tests/admin/test_voucher_domain.py::TestOpenness::test_disabled_and_used_up_are_closed",
    ),
    "I-24 an address with a user in it is an origin": Bug(
        "creditbase.accounts.origins:origin_of",
        ' or "@" in text',
        "",
        "tests/accounts/test_origins.py::test_what_is_no_origin_is_refused",
    ),
    "I-24 events are posted to private addresses": Bug(
        "creditbase.runtime.outward:_is_allowed",
        "return address.is_global and not address.is_multicast",
        "return not address.is_multicast",
        "tests/runtime/test_outward.py::TestTargets::test_an_address_that_is_not_public_is_refused",
    ),
    "I-25 who was deleted goes on paying": Bug(
        "creditbase.payments.mirroring:_mirror",
        "for one in look.seen if one.is_live)",
        "for one in look.seen if one.is_live and one.trial_end_at)",
        "tests/payments/test_change_tier.py"
        "::test_a_customer_who_was_deleted_is_not_billed_for_an_open_page",
    ),
    "I-26 a smaller plan's period keeps the larger one's credits": Bug(
        "creditbase.subscriptions.domain.standing:_served",
        "if highest_nanos <= plan.amount_nanos:",
        "if True:",
        "tests/subscriptions/test_standing.py::TestDowngradeWithin::test_it_cuts_the_credits_to_the_smaller_plan_and_does_so_again",
    ),
    "I-27 a wallet tops itself up beyond its cap": Bug(
        "creditbase.payments.refilling:decide_refill",
        "if begun_cents + wanted.amount_cents > wanted.monthly_cap_cents:",
        "if begun_cents > wanted.monthly_cap_cents:",
        "tests/payments/test_refilling.py::test_the_cap_counts_what_was_begun_in_the_utc_month",
    ),
}
