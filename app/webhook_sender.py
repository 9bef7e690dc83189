"""Sending one webhook: over TLS alone, to an address that was checked, with no way round it.

The name is looked up once for each sending. Every address it has is judged, and the connection is made to one of those
that were judged, so a name that changes its address in between is not followed. The certificate is checked for the
name. A redirect is an answer like any other: it is not followed. No proxy is asked.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from app.domain.webhooks import Network, may_be_called

CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 20.0
"""For all of it: whoever sends a byte a second holds nothing up."""

REPLY_BYTES = 64 * 1024
"""So much of a reply is read at most, and thrown away."""

_TRIED = 3  # of the addresses of one name
_TROUBLE = (OSError, http.client.HTTPException, ValueError)

Resolve = Callable[[str, int], Sequence[str]]


class NotDelivered(Exception):
    """It did not arrive, or was not taken. The message says why, in words for who runs the webhook."""


def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


class WebhookSender:
    """`authority` is a file of certificates trusted beside the system's; `networks` may be called though not public."""

    def __init__(self, *, authority: str = "", networks: Sequence[str] = (), resolve: Resolve = resolve) -> None:
        self._context = ssl.create_default_context()
        if authority:
            self._context.load_verify_locations(cafile=authority)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._networks: list[Network] = [ip_network(network) for network in networks]
        self._resolve = resolve

    def send(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Post a body. Returns the status, which is one of success. Raises NotDelivered."""
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = _Pinned(host, port, self._addresses(host, port), self._context)
        watch = threading.Timer(WHOLE_SECONDS, connection.cut)
        watch.daemon = True
        watch.start()
        try:
            connection.request("POST", target, body=body, headers={"User-Agent": "Waymark", **headers})
            answer = connection.getresponse()
            answer.read(REPLY_BYTES)
            status = answer.status
        except _TROUBLE as error:
            raise NotDelivered(connection.trouble(error)) from error
        finally:
            watch.cancel()
            connection.close()
        if not 200 <= status < 300:
            more = ": redirects are not followed" if 300 <= status < 400 else ""
            raise NotDelivered(f"it answered {status}{more}")
        return status

    def _addresses(self, host: str, port: int) -> list[str]:
        """What the name stands for now. One address that may not be called is enough for none to be."""
        try:
            found = self._resolve(host, port)
            addresses = [ip_address(one.partition("%")[0]) for one in found]
        except (OSError, ValueError, UnicodeError) as error:
            raise NotDelivered("its name cannot be looked up") from error
        if not addresses or any("%" in one for one in found):
            raise NotDelivered("its name has no address that can be called")
        if not all(may_be_called(address, self._networks) for address in addresses):
            raise NotDelivered("its name leads to an address that is not public")
        return [str(address) for address in addresses[:_TRIED]]


class _Pinned(http.client.HTTPSConnection):
    """A connection to one of these addresses, and to no other, with the certificate checked for the name."""

    def __init__(self, host: str, port: int, addresses: Sequence[str], context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=CONNECT_SECONDS, context=context)
        self._addresses, self._tls = addresses, context
        self._was_cut = False

    def connect(self) -> None:
        """As the standard library does, less the look-up."""
        last: OSError | None = None
        for address in self._addresses:
            try:
                plain = socket.create_connection((address, self.port), timeout=CONNECT_SECONDS)
            except OSError as error:
                last = error
                continue
            # The handshake comes after it is held here, so that it too can be cut.
            self.sock = held = self._tls.wrap_socket(plain, server_hostname=self.host, do_handshake_on_connect=False)
            held.do_handshake()
            return
        raise last or OSError("no address")

    def cut(self) -> None:
        """End it, from another thread, however far it has come."""
        self._was_cut = True
        held = self.sock
        if held is not None:
            try:
                held.shutdown(socket.SHUT_RDWR)
            except OSError:
                held.close()

    def trouble(self, error: Exception) -> str:
        """What to tell whoever runs the webhook. Nothing of a reply is in it."""
        if self._was_cut or isinstance(error, TimeoutError):
            return "it did not answer in time"
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its certificate is not good for its name ({error.verify_message})"
        if isinstance(error, ssl.SSLError):
            return "no secure connection could be made"
        if isinstance(error, http.client.HTTPException | ValueError):
            return "its answer was no HTTP"
        return "it cannot be reached"
