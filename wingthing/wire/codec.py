"""Between bytes and messages. A node reads no more of a message than it needs to route it.

`read_head` is what every message goes through: the type and the ids, no decoding of `data`. `read` gives
a whole typed message, `read_object` a dict for the few messages in which the node overwrites fields (so
that fields it does not know pass on), `write` the bytes of a message.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar

import msgspec

from wingthing.errors import InvalidMessage
from wingthing.wire.messages import WING_ID_PATTERN, Message

M = TypeVar("M", bound=Message)


class Head(msgspec.Struct, frozen=True):
    """What routing needs of any message; ids that the message does not carry are None."""

    type: str
    session_id: str | None = None
    request_id: str | None = None
    viewer_id: str | None = None
    done: bool | None = None


_head = msgspec.json.Decoder(Head)
_object = msgspec.json.Decoder(dict[str, Any])
_encoder = msgspec.json.Encoder()
_decoders: dict[type[Message], msgspec.json.Decoder[Any]] = {}


PATTERNS: Final = {repr(WING_ID_PATTERN): "20 to 32 hex characters"}
"""The patterns of fields, as msgspec writes them -> as people say them."""

_MISMATCH = re.compile(r"Expected `str` matching regex (?P<pattern>'.*')(?: - at `\$\.?(?P<field>.*)`)?\Z")


def in_words(why: msgspec.ValidationError) -> str:
    """What is wrong with a message, for people: msgspec tells of a pattern as it is written."""
    found = _MISMATCH.match(str(why))
    if found is None:
        return str(why)
    words = PATTERNS.get(found["pattern"], "of another form")
    return f"{found['field'] or 'the value'}: {words}"


def _invalid(why: Exception) -> InvalidMessage:
    # DecodeError is the base class of ValidationError: the order of the two tests matters.
    if isinstance(why, msgspec.ValidationError):
        return InvalidMessage(f"invalid message: {in_words(why)}")
    return InvalidMessage("invalid message: not one JSON object")


def read_head(data: bytes) -> Head:
    """The routing part of one message.

    Raises InvalidMessage when `data` is not a JSON object with a string `type`.
    """
    try:
        return _head.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise _invalid(why) from why


_PLAIN_OUTPUT = re.compile(rb'\{"type":"pty\.output","session_id":"([0-9a-f]{8})","data":"')


def session_of_plain_output(data: bytes) -> str | None:
    """The session of a `pty.output` of the shape in which wings send it; None when it may be another one.

    `data` is UTF-8. A route is found by this, so it must be what every reader of JSON finds, also one for
    whom the first of two names counts, or the last, or that does not look at their case. That follows from
    the bytes alone: they begin with `{`, the names of three members, the values of two and the begin of the
    third; there is no backslash, so the next quotation mark ends that value, whatever is in it; it is the
    last byte but one, and the last is `}`. So there are these three members and no others, each once.

    One thing is not looked at, since it would take longer than all else: a control character in the value,
    which no JSON has. Such a message goes to the browser that it names, and is refused there; `read_head`
    would have refused it to the wing. So this is not for what goes to a wing.
    """
    found = _PLAIN_OUTPUT.match(data)
    if found is None or data.find(b'"', found.end()) != len(data) - 2 or data[-1] != CLOSING_BRACE:
        return None
    return found[1].decode() if data.find(b"\\") < 0 else None


CLOSING_BRACE: Final = ord("}")


def read(data: bytes, kind: type[M]) -> M:
    """One message of a known type, fully checked.

    Raises InvalidMessage naming the field that is missing or wrong.
    """
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        message: M = decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise _invalid(why) from why
    return message


def read_object(data: bytes) -> dict[str, Any]:
    """One message as a dict, for a node that changes some fields and passes on the rest.

    Raises InvalidMessage when `data` is not one JSON object.
    """
    try:
        return _object.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as why:
        raise _invalid(why) from why


def write(message: Message | dict[str, Any]) -> bytes:
    """The UTF-8 JSON of one message."""
    return _encoder.encode(message)
