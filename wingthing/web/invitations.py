"""Inviting people: the links, and the letters that bring them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import attrs
from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.http import Request

from wingthing.errors import InvalidMessage, PeerError
from wingthing.relay import limiting
from wingthing.relay.peers import Identity
from wingthing.store import audit, invites
from wingthing.store.invites import Created
from wingthing.store.orgs import Org
from wingthing.store.pool import Database
from wingthing.web.client_address import client_address
from wingthing.web.mail import Mailer
from wingthing.wire.limits import INVITE_MAIL_SECONDS, INVITE_SECONDS, MAX_INVITED_AT_ONCE

LETTERS_AT_ONCE = 5


@attrs.frozen
class Invited:
    """An invite that has been made; `mailed` says whether its letter is known to be on its way."""

    id: str
    email: str
    link: str
    mailed: bool


class Invitations:
    """Makes invites, and mails their links where there is a `mailer`."""

    log = Logger()

    def __init__(
        self,
        *,
        clock: IReactorTime,
        database: Database,
        base_url: Callable[[], str],
        mailer: Mailer | None,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._clock = clock
        self._database = database
        self._base_url = base_url
        self._mailer = mailer
        self._randomness = randomness

    async def invite(
        self, request: Request, identity: Identity, org: Org, emails: Sequence[str], role: str
    ) -> list[Invited]:
        """Invite all of them or none. Raises PeerError: see `store.invites.create`, and the limit of invites.

        It does not wait for a mail server that is slow: whose letter has not gone within INVITE_MAIL_SECONDS
        counts as not mailed, and the link in the answer can be sent by other means.
        """
        if not 1 <= len(emails) <= MAX_INVITED_AT_ONCE:
            raise InvalidMessage(f"name 1 to {MAX_INVITED_AT_ONCE} addresses")
        # Whoever may not invite does not use up the limit of those who may.
        limiting.check(request, "invite", account=identity.user_id, subject=org.id, times=len(emails))
        made = await self._database.write(
            _create_all,
            org.id,
            identity.user_id,
            emails,
            role,
            now=self._clock.seconds(),
            randomness=self._randomness,
            address=client_address(request),
        )
        links = {each.id: f"{self._base_url()}/invite/{each.token}" for each in made}
        mailed = await self._mail(identity, org, role, made, links)
        return [Invited(each.id, each.email, links[each.id], each.id in mailed) for each in made]

    async def _mail(
        self, identity: Identity, org: Org, role: str, made: Iterable[Created], links: dict[str, str]
    ) -> set[str]:
        """The ids of those whose letters have gone by now."""
        mailer = self._mailer
        if mailer is None:
            return set()
        mailed: set[str] = set()
        turns = DeferredSemaphore(LETTERS_AT_ONCE)

        async def send(invite: Created) -> None:
            text = letter(_named(identity), org.name, role, invite.email, links[invite.id])
            try:
                await mailer.send(invite.email, f"{identity.name} invites you to {org.name}", text)
            except PeerError as why:
                # Without the address's link: it is a key.
                self.log.warn("the invite {id} could not be mailed: {why}", id=invite.id, why=why)
            else:
                mailed.add(invite.id)

        def begin(invite: Created) -> Deferred[None]:
            return Deferred.fromCoroutine(send(invite))

        sending = [turns.run(begin, invite) for invite in made]
        for letter_sent in sending:
            letter_sent.addErrback(
                lambda failure: self.log.failure("an invite could not be mailed", failure=failure)
            )
        # What is not done by then goes on: a letter that comes late is better than none.
        all_sent: Deferred[Any] = DeferredList(sending)
        enough: Deferred[Any] = deferLater(self._clock, INVITE_MAIL_SECONDS, lambda: None)
        await DeferredList([all_sent, enough], fireOnOneCallback=True)
        if not enough.called:
            enough.addErrback(lambda failure: None)
            enough.cancel()
        return set(mailed)


def _named(identity: Identity) -> str:
    """A name is of one's own choice, an address is not: both are told."""
    return (
        f"{identity.name} ({identity.email})" if identity.email not in ("", identity.name) else identity.name
    )


def letter(inviter: str, org: str, role: str, email: str, link: str) -> str:
    """What is mailed with a link."""
    kind = "a member" if role == "member" else f"an {role}"
    days = INVITE_SECONDS // 86400
    return (
        f"{inviter} invites you to {org}, as {kind}.\n\n"
        "Members open terminals on the machines that the organisation shares. To see the invitation and\n"
        f"accept it, open this link and sign in as {email}:\n\n"
        f"{link}\n\n"
        f"The link works once, for this address only, within {days} days. If you do not know what this is\n"
        "about, do nothing.\n"
    )


def _create_all(
    cursor: sqlite3.Cursor,
    org_id: str,
    actor: str,
    emails: Iterable[str],
    role: str,
    *,
    now: float,
    randomness: Callable[[int], bytes],
    address: str,
) -> list[Created]:
    made: dict[str, Created] = {}
    for email in emails:
        new = invites.create(cursor, org_id, actor, email, role, now=now, randomness=randomness)
        if new.email not in made:
            audit.note(
                cursor,
                at=now,
                user_id=actor,
                action=f"invited as {role}",
                subject=new.email,
                address=address,
                org_id=org_id,
            )
        # The same address twice: the first link has been replaced.
        made[new.email] = new
    return list(made.values())
