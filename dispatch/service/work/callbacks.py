"""Which addresses the service calls back: none of its own machine or of a private network, unless its settings say so.

A name is looked up when a subscription is made and again by the job that calls (:mod:`dispatch.service.work.webhook`),
which connects to exactly the address that it has looked up: a name that changes its mind in between leads nowhere.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
MOST_CHARACTERS = 2000
# Translators to IPv4 (NAT64, 6to4, Teredo, IPv4-compatible) reach whatever private address stands inside; site-local.
_NOT_PUBLIC = [
    ipaddress.IPv6Network(net)
    for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96", "fec0::/10")
]


class AddressError(ValueError):
    """An address that the service does not call."""


def checked(url: str, *, is_private_allowed: bool) -> tuple[str, str, int]:
    """Host, the address to connect to, and port of a callback.

    Raises:
        AddressError: it is no http(s) address, cannot be looked up, or leads into a network that is not public.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        raise AddressError("accepted: an address like https://example.org/callback") from None
    host = parts.hostname
    if parts.scheme not in _PORTS or not host or len(url) > MOST_CHARACTERS or not url.isprintable():
        raise AddressError("accepted: an address like https://example.org/callback")
    if parts.username is not None or parts.password is not None:
        raise AddressError("names a user; accepted: an address without one, with a bearerToken beside it")
    if parts.scheme == "http" and not is_private_allowed:
        raise AddressError("is not encrypted; accepted: https")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise AddressError(f"'{host}' cannot be looked up") from None
    addresses = [str(entry[4][0]) for entry in found]
    private = [one for one in addresses if not is_public(one)]
    if private and not is_private_allowed:
        raise AddressError(f"'{host}' is not on the public internet")
    return host, addresses[0], port


def is_public(address: str) -> bool:
    """Is this an address that anybody could reach?"""
    found = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    if isinstance(found, ipaddress.IPv6Address):
        if any(found in net for net in _NOT_PUBLIC):
            return False
        found = found.ipv4_mapped or found
    return found.is_global and not found.is_multicast
