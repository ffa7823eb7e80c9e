"""Who is at the other end of a connection, as far as fairness goes: one machine is one peer."""

import ipaddress

IPV6_PEER_BITS = 64
"""A machine with IPv6 has a whole network of addresses."""


def peer_of(host: str) -> tuple[str, bool]:
    """The peer that an address belongs to, and whether that is this machine."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host, False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            if address.is_loopback:
                return "loopback", True
            return str(ipaddress.ip_network((address, IPV6_PEER_BITS), strict=False)), False
        address = address.ipv4_mapped
    return ("loopback", True) if address.is_loopback else (str(address), False)
