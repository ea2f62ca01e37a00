"""A run: an ask on its way, from its hold to the capture, in whatever way it ends.

| how it ends | what is taken |
|---|---|
| answered | what the provider reported |
| the caller is gone | what was used until then; by the provider's report if it is on its way |
| the time is up | what was used until then; the answer is cut |
| the provider fails, the caller has a part | what was used until then |
| the provider fails, the caller has nothing | nothing |
| the process dies | by expiry: what the run reported last, the prompt at least |
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import field
from datetime import timedelta

from creditbase.kernel.errors import BillingError, Conflict, Retryable, Unavailable
from creditbase.kernel.records import dataclass
from creditbase.metering.calls import HeldCall, capture_call, extend_call, void_call
from creditbase.relay.gateway.asks import Ask
from creditbase.relay.gateway.bounding import Quantities
from creditbase.relay.gateway.paying import HOLD_TTL_S
from creditbase.relay.gateway.pieces import Finish, Piece
from creditbase.relay.gateway.pump import Mark, Pump
from creditbase.relay.gateway.upstream_http import UpstreamFailed
from creditbase.relay.gateway.upstreams import Upstream
from creditbase.relay.gateway.usage import Meter
from creditbase.runtime import clock
from creditbase.runtime.log import alert
from creditbase.runtime.settings import settings

TRIES_MAX = 3
"""How often the end of a hold is tried before it is left to its expiry."""
REPORT_WITHIN_S = 2.0
"""How long the report on a call is waited for whose caller has gone."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Run:
    """One call to a model. `begin`, then `take` until `END`, then `finish`; `close` always."""

    ask: Ask
    model: str
    held: HeldCall
    meter: Meter
    upstream: Upstream
    code: str = ""
    """What went wrong, for the log."""
    _pump: Pump = field(init=False)
    _is_sent: bool = False
    _is_over: bool = False
    _is_cut: bool = False
    _began_s: float = 0.0
    _reported_s: float = 0.0

    def __post_init__(self) -> None:
        self._pump = Pump(
            lambda cancel: self.upstream.pieces(
                self.ask,
                model=self.model,
                output_tokens=self.meter.output_tokens_held,
                cancel=cancel,
            ),
            while_nobody_takes=self._keep,
        )

    @property
    def age_s(self) -> float:
        """Return the seconds since it began, by a clock that nobody moves."""
        return time.monotonic() - self._began_s

    def begin(self) -> None:
        """Send the ask."""
        self._began_s = self._reported_s = time.monotonic()
        self._pump.start()
        self._is_sent = True

    def take(self, *, within_s: float) -> Piece | Mark:
        """Return what the model says next, `SILENCE` meanwhile, `END` after the last.

        Raises:
            UpstreamFailed: the provider does not go on.
        """
        if self._is_cut:
            return Mark.END
        left_s = settings().gateway_call_s - self.age_s
        if left_s <= 0:
            return self._cut()
        found = self._pump.take(within_s=min(within_s, left_s))
        if not isinstance(found, Mark):
            self.meter.note(found)
        if found is not Mark.END:
            self._report()
        return found

    def _cut(self) -> Piece:
        """End an answer whose time is up: the caller gets, and pays, what there is."""
        self._pump.stop()
        if not self.meter.written_bytes:
            raise UpstreamFailed(Unavailable(), "out of time")
        self._is_cut = True
        self.code = "TIME_LIMIT"
        return Finish("length")

    def _report(self) -> None:
        """Now and then give the hold more time, and say what was used so far."""
        if self._is_due():
            self._extend(self.meter.quantities())

    def _keep(self) -> None:
        """Give the hold more time while the caller reads on slowly, or stands still.

        Its credits would come back to it otherwise, and pay for something else before the
        rest of the answer was read.
        """
        if self._is_due():
            self._extend(None)

    def _is_due(self) -> bool:
        if time.monotonic() - self._reported_s < settings().gateway_report_s:
            return False
        self._reported_s = time.monotonic()
        return not self._is_over

    def _extend(self, used: Quantities | None) -> None:
        now = clock.now()
        try:
            extend_call(
                self.held.ref,
                self.held.hold_id,
                expires_at=now + timedelta(seconds=HOLD_TTL_S),
                quantities=used,
                now=now,
            )
        except BillingError as refusal:
            # The next report says it all again, and the end of the call does anyway.
            logger.warning("usage so far was not reported", extra={"code": refusal.code})

    # ---- ends ------------------------------------------------------------------------------

    def finish(self) -> Quantities:
        """Capture what was used, and return it: nobody is told the end before it is paid."""
        used = self.meter.quantities()
        if self.meter.exceeds_bound:
            alert(
                "usage_beyond_bound",
                "a provider reports more than a call can use",
                model=self.model,
                hold_id=self.held.hold_id,
            )
        self._end(lambda: capture_call(self.held.ref, self.held.hold_id, used, now=clock.now()))
        return used

    def fail(self, failure: UpstreamFailed, *, was_told: bool) -> None:
        """End a run whose provider did not; a caller who has nothing pays nothing."""
        self.code = failure.refusal.code
        logger.warning("a provider failed", extra={"reason": failure.reason})
        if was_told:
            self.finish()
        else:
            self._void()

    def close(self) -> None:
        """End it if nothing did: the caller has gone."""
        if not self._is_sent:
            self._void()
        elif not self._is_over:
            self.code = "CALLER_GONE"
            if self._overhear() or self.meter.written_bytes:
                self.finish()
            else:
                self._void()
        self._pump.stop()

    def _overhear(self) -> bool:
        """Look for the provider's own figures, which may be on their way, for a moment.

        Return whether the provider did not fail meanwhile.
        """
        until_s = time.monotonic() + REPORT_WITHIN_S
        with suppress(UpstreamFailed):
            while (left_s := until_s - time.monotonic()) > 0:
                found = self._pump.take(within_s=left_s)
                if found is Mark.END:
                    break
                if not isinstance(found, Mark):
                    self.meter.overhear(found)
            return True
        return False

    def _void(self) -> None:
        self._end(lambda: void_call(self.held.ref, self.held.hold_id, now=clock.now()))

    def _end(self, end: Callable[[], object]) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._pump.stop()
        for attempt in range(1, TRIES_MAX + 1):
            try:
                end()
            except Conflict:
                # Somebody else ended the hold: what became of it is in the ledger.
                logger.warning("the hold had ended", extra={"hold_id": self.held.hold_id})
            except BillingError as refusal:
                if isinstance(refusal, Retryable) and attempt < TRIES_MAX:
                    continue
                alert(
                    "call_not_captured",
                    "the end of a call was not written; its hold expires",
                    hold_id=self.held.hold_id,
                    code=refusal.code,
                )
            return
