"""Network addresses, as people write them and as they are told apart."""

from __future__ import annotations


def join_address(host: str, port: int) -> str:
    """``host:port``, with brackets around an IPv6 address (RFC 3986 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach an address; brackets and a zone (RFC 4007 11) may stand around it."""
    import ipaddress

    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return False
