"""Whose process is at the other end of a loopback connection: the kernel knows."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path

TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
OWN, REMOTE, STATE, UID = 1, 2, 3, 7
"""Columns of these tables: a socket's own address:port, that of its peer, its state, its owner's user id."""

ESTABLISHED = "01"
"""A socket whose process is gone lingers in other states, and its owner then reads as root."""

Address = tuple[str, int]


def user_of(peer: Address, own: Address, tables: tuple[str, ...] = TABLES) -> int | None:
    """The user id of the process on this machine at the end `peer` of a connection to our end `own`.

    Both ends are compared: sockets of several users may share one address and port as long as their peers
    differ. None when there is none, or the platform does not tell (only Linux does).
    """
    its_end, our_end = _spellings(*peer), _spellings(*own)
    for table in tables:
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if columns[OWN] in its_end and columns[REMOTE] in our_end and columns[STATE] == ESTABLISHED:
                return int(columns[UID])
    return None


def is_loopback(host: str) -> bool:
    """Whether `host` is an address of this machine alone."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _spellings(host: str, port: int) -> set[str]:
    """An address as the tables write it: 32-bit words in the machine's byte order; IPv4 in both forms."""
    address = ipaddress.ip_address(host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    forms = [address.packed]
    if isinstance(address, ipaddress.IPv4Address):
        forms.append(b"\0" * 10 + b"\xff\xff" + address.packed)
    return {f"{_words(packed)}:{port:04X}" for packed in forms}


def _words(packed: bytes) -> str:
    return "".join(
        f"{int.from_bytes(packed[i : i + 4], sys.byteorder):08X}" for i in range(0, len(packed), 4)
    )
