"""From which address a request comes, for the audit log and for limits: relay/client_address.py has the rule,
which sockets need as well."""

from __future__ import annotations

from wingthing.relay.client_address import client_address

__all__ = ["client_address"]
