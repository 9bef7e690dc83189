"""Webhooks: what is told, how it is signed, where it may go, and when it is tried again."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from app.domain.milestones import OrganisationRef

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

URL_LENGTH = 500
SIGNATURE, EVENT, EVENT_ID = "Waymark-Signature", "Waymark-Event", "Waymark-Event-Id"
FRESH = timedelta(minutes=5)
"""For how long a receiver should take a signature: an older one may have been caught and sent again."""

LEASE = timedelta(minutes=2)
"""For how long one process has a delivery to itself. Longer than a delivery can take."""

_NAT64 = ip_network("64:ff9b::/96")
# Special, whatever the Python at hand says of them: IANA's registries of special-purpose addresses.
_SPECIAL = tuple(
    ip_network(one)
    for one in ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "100::/64", "2001::/23", "5f00::/16", "fec0::/10")
)
_WAITS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360, 720)
)  # fmt: skip


class WebhookEvent(StrEnum):
    """What is told of."""

    TRIAGED = "submission.triaged"
    REVIEWED = "evidence.reviewed"
    PING = "ping"


TOLD = (WebhookEvent.TRIAGED, WebhookEvent.REVIEWED)


class Paused(StrEnum):
    """Why nothing is sent."""

    BY_A_PERSON = "by_a_person"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A webhook, without its secret."""

    id: str
    organisation: OrganisationRef
    url: str
    events: tuple[WebhookEvent, ...]
    created_at: datetime
    paused_at: datetime | None
    paused: Paused | None
    waiting: int


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One thing to tell, and how far it has come."""

    id: str
    organisation: str
    url: str
    event: WebhookEvent
    created_at: datetime
    sent_at: datetime | None
    attempts: int
    due_at: datetime
    paused: bool
    error: str | None


def url_problem(url: str) -> str:
    """What is wrong with an address to send to; empty: nothing. Where its name leads is judged at every sending."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "Enter an address that begins with https://"
    if parts.scheme != "https" or not parts.hostname or not url.isprintable() or " " in url:
        return "Enter an address that begins with https://"
    if parts.username is not None or parts.fragment:
        return "The address must have no password and no part after #"
    if port == 0 or len(url) > URL_LENGTH:
        return f"Enter an address of {URL_LENGTH} characters at most"
    return ""


def may_be_called(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether a webhook may go to this address: a public one, or one in the networks that the operator named.

    An IPv6 address that carries an IPv4 address is as good as that one.
    """
    inner = _carried(address)
    if any(inner in network for network in allowed if network.version == inner.version):
        return True
    special = (
        inner.is_private, inner.is_loopback, inner.is_link_local, inner.is_multicast, inner.is_reserved,
        inner.is_unspecified,
    )  # fmt: skip
    listed = any(inner in network for network in _SPECIAL if network.version == inner.version)
    return inner.is_global and not listed and not any(special)


def _carried(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return ip_address(int(address) & 0xFFFF_FFFF)
    if address.teredo is not None:
        return address.teredo[1]
    return address.ipv4_mapped or address.sixtofour or address


def secret_of(secret_key: str, webhook_id: str, salt: str) -> str:
    """The secret of a webhook: made anew from the installation's own each time, so that none is stored."""
    said = f"webhook\n{webhook_id}\n{salt}".encode()
    return "whs_" + hmac.new(secret_key.encode(), said, hashlib.sha256).hexdigest()


def signature(secret: str, body: bytes, *, at: datetime) -> str:
    """`t=…,v1=…`: the moment in seconds, and HMAC-SHA-256 over that, a full stop and the body."""
    moment = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def tried_again_after(attempts: int) -> timedelta | None:
    """How long after so many attempts that failed the next one is made; None: the webhook is paused."""
    return _WAITS[attempts - 1] if attempts <= len(_WAITS) else None
