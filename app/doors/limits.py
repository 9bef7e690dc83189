"""How often somebody may try: sign-ins, wrong credentials, and requests per credential.

Counted in memory, so per process: enough for the single worker that Waymark runs; several workers multiply the limits.
"""

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from app.domain.refusals import RateLimited
from app.domain.secrets import secret_hash
from app.settings import Settings

WRONG_CREDENTIALS_PER_MINUTE = 60
SIGN_IN_MINUTES = 15
ADDRESS_FACTOR = 10
"""A whole council may come from one address: it gets ten times what one account gets there."""


class RateLimits:
    """The limits of one application. Every method raises RateLimited, with the seconds to wait, or returns None."""

    def __init__(self, settings: Settings) -> None:
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        tries = settings.sign_ins_per_quarter_hour
        self._account = RateLimitItemPerMinute(tries, SIGN_IN_MINUTES, namespace="account")
        self._address = RateLimitItemPerMinute(ADDRESS_FACTOR * tries, SIGN_IN_MINUTES, namespace="address")
        self._credential = RateLimitItemPerMinute(settings.api_requests_per_minute, namespace="credential")
        self._wrong = RateLimitItemPerMinute(WRONG_CREDENTIALS_PER_MINUTE, namespace="wrong")

    def try_sign_in(self, *, account: str, address: str) -> None:
        """Count an attempt to sign in, before the password is looked at, whether or not there is such an account."""
        self._take(self._address, address, message=_TOO_MANY_SIGN_INS)
        self._take(self._account, secret_hash(account), address, message=_TOO_MANY_SIGN_INS)

    def signed_in(self, *, account: str, address: str) -> None:
        """Forget an account's failed attempts from this address: its owner is there."""
        self._limiter.clear(self._account, secret_hash(account), address)

    def use_credential(self, credential: str) -> None:
        """Count a request of a key or token."""
        self._take(self._credential, credential, message="Too many requests with this key or token")

    def check_address(self, address: str) -> None:
        """Refuse an address that has sent too many wrong keys or tokens."""
        if not self._limiter.test(self._wrong, address):
            raise self._too_many(self._wrong, address, message="Too many wrong keys or tokens from this address")

    def wrong_credential(self, address: str) -> None:
        """Count a wrong key or token."""
        self._limiter.hit(self._wrong, address)

    def _take(self, item: RateLimitItemPerMinute, *names: str, message: str) -> None:
        if not self._limiter.hit(item, *names):
            raise self._too_many(item, *names, message=message)

    def _too_many(self, item: RateLimitItemPerMinute, *names: str, message: str) -> RateLimited:
        resets = self._limiter.get_window_stats(item, *names).reset_time
        wait = max(1, math.ceil(resets - time.time()))
        return RateLimited(message, retry_after=wait)


_TOO_MANY_SIGN_INS = "Too many attempts to sign in. Wait a few minutes and try again"
