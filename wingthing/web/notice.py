"""What a person reads when a terminal calls."""

from __future__ import annotations

import attrs

from wingthing.relay.calls import ATTENTION, EXIT, Call
from wingthing.wire.text import is_plain


@attrs.frozen
class Notice:
    """One notification. `url` opens the terminal; a later one with the same `tag` takes its place."""

    title: str
    body: str
    url: str
    tag: str
    urgent: bool


def notice_of(call: Call, label: str, base_url: str) -> Notice:
    """Of a call; `label` is what the user calls the wing, empty when it has no name."""
    program = _shown(call.agent) or "A terminal"
    said = "has ended" if call.kind == EXIT else "wants your attention"
    where = [text for text in (_shown(call.folder), _shown(label)) if text]
    return Notice(
        title=f"{program} {said}",
        body=" on ".join(where) or f"Terminal {_shown(call.session_id)}",
        url=f"{base_url}/app/#s/{call.session_id}",
        tag=f"#s/{call.session_id}",
        urgent=call.kind == ATTENTION,
    )


def trial_notice(base_url: str) -> Notice:
    """That notifications arrive."""
    return Notice(
        title="Notifications work",
        body="This is how a terminal will call you.",
        url=f"{base_url}/app/",
        tag="#test",
        urgent=False,
    )


def _shown(text: str) -> str:
    """A wing's word, without what would make it look like another."""
    return "".join(char for char in text if is_plain(char)).strip()
