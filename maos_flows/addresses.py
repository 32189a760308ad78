"""Addresses on the web: which are taken at all, and which of the machines they lead to are on the public internet."""

import ipaddress
from urllib.parse import urlsplit

SCHEMES = ("http", "https")
_LONGEST = 2048

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_PROTOCOLS = ipaddress.IPv4Network("192.0.0.0/24")
"""Addresses of protocols (RFC 6890), some of which Python counts as public; a cloud's metadata is at one of them."""
_CARRYING = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "::/96",  # IPv4-compatible (RFC 4291 section 2.5.5.1)
        "64:ff9b::/96",  # NAT64 (RFC 6052)
        "64:ff9b:1::/48",  # NAT64 of one's own (RFC 8215)
        "2001::/32",  # Teredo (RFC 4380)
        "2002::/16",  # 6to4 (RFC 3056)
    )
)
"""Networks whose addresses carry an IPv4 address, which may be a private one."""


def read_url(value: object) -> str:
    """Read an address on the web: http or https, a host, and neither a name nor a password before it.

    Raises:
        ValueError: It is none; says why.
    """
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > _LONGEST or not text.isprintable() or " " in text or "\\" in text:
        raise ValueError("it is not an address like https://agents.example.org/ada")
    parts = urlsplit(text)
    if parts.scheme not in SCHEMES:
        raise ValueError(f"an address starts with http:// or https://, not {parts.scheme[:20]!r}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address holds no name and no password; give a token in a variable, by token_env")
    if parts.fragment:
        raise ValueError("an address of an agent has no fragment (#)")
    if not parts.hostname:
        raise ValueError("it names no host")
    _check_port(text)
    return text


def _check_port(text: str) -> None:
    """Refuse a port that is none; reading it is what raises."""
    if urlsplit(text).port == 0:
        raise ValueError("there is no port 0")


def literal_address(host: str) -> str | None:
    """Give the address that a host is, if it is written as one in the usual form; None if it is a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def refusal_of(address: str, *, allow_private: bool) -> str | None:
    """Say why no agent is asked at an address; None if one may be.

    Args:
        address: An IPv4 or IPv6 address, as resolving gave it.
        allow_private: Whether the machine itself and private networks are allowed, and all others there are.
    """
    try:
        found: _Address = ipaddress.ip_address(address)
    except ValueError:
        return f"{address[:60]} is no address"
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    checked = mapped or found
    if checked.is_multicast or checked.is_unspecified:
        return f"{address} is no machine's address"
    if allow_private or _is_public(checked):
        return None
    return f"{address} is not on the public internet; if it is meant, set allow_private: true"


def _is_public(address: _Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and (
        address.is_site_local or any(address in network for network in _CARRYING)
    ):
        return False
    return address.is_global and not address.is_reserved and address not in _PROTOCOLS
