"""What comes in as bytes goes out as a message or as InvalidMessage, and as nothing else."""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.errors import InvalidMessage
from wingthing.testing import WING_ID, registration
from wingthing.wire import codec
from wingthing.wire.limits import MAX_COLS, MAX_ID_CHARS, MAX_ROWS
from wingthing.wire.messages import (
    Message,
    PtyAttach,
    PtyDetach,
    PtyExited,
    PtyKill,
    PtyOutput,
    PtyResize,
    PtyStart,
    SessionAttention,
    TunnelReq,
    TunnelStream,
    WingConfig,
    WingHeartbeat,
    WingRegister,
)
from wingthing.wire.node_messages import AttentionEvent, Error, RelayRestart, WingOffline

KINDS = sorted(Message.__subclasses__(), key=lambda kind: kind.__name__)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ids = st.text("0123456789abcdef", min_size=1, max_size=MAX_ID_CHARS)
wing_ids = st.text("0123456789abcdefABCDEF", min_size=20, max_size=32)
maybe = st.none() | text
cols = st.integers(1, MAX_COLS)
rows = st.integers(1, MAX_ROWS)

MESSAGES_OF_ALL_SHAPES = st.one_of(
    st.builds(
        PtyStart, agent=text, cols=cols, rows=rows, public_key=text, cwd=maybe, wing_id=maybe, user_id=maybe
    ),
    st.builds(
        PtyAttach,
        session_id=ids,
        public_key=text,
        cols=st.none() | cols,
        rows=st.none() | rows,
        spectate=st.sampled_from([None, True, False]),
        passkeys=st.none() | st.lists(text, max_size=3),
    ),
    st.builds(PtyOutput, session_id=ids, data=text, compressed=st.booleans(), viewer_id=maybe),
    st.builds(PtyExited, session_id=ids, exit_code=st.integers(-(2**31), 2**31), error=maybe),
    st.builds(TunnelReq, wing_id=ids, request_id=ids, sender_pub=text, payload=text),
    st.builds(TunnelStream, request_id=ids, payload=text, done=st.booleans()),
    st.builds(SessionAttention, session_id=ids, nonce=maybe),
    st.builds(
        WingRegister,
        wing_id=wing_ids,
        agents=st.none() | st.lists(text, max_size=3),
        projects=st.just(msgspec.UNSET) | st.lists(st.dictionaries(text, text, max_size=2), max_size=2),
        locked=st.sampled_from([None, True, False]),
        allowed_count=st.sampled_from([msgspec.UNSET, None, 0, 3]),
    ),
    st.builds(
        WingConfig, wing_id=wing_ids, locked=st.booleans(), allowed_count=st.none() | st.integers(0, 9)
    ),
    st.builds(Error, message=text, session_id=maybe, request_id=maybe),
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=10,
)


def read_everything(data: bytes) -> None:
    """All ways to read; each may answer or raise InvalidMessage."""
    for read in [codec.read_head, codec.read_object, *(lambda d, k=k: codec.read(d, k) for k in KINDS)]:
        try:
            read(data)
        except InvalidMessage as why:
            assert str(why).startswith("invalid message: "), why
            assert why.close_code == 0


class RoundTripTests(TestCase):
    @given(MESSAGES_OF_ALL_SHAPES)
    def test_what_is_written_is_read_again(self, message: Message) -> None:
        self.assertEqual(codec.read(codec.write(message), type(message)), message)

    @given(MESSAGES_OF_ALL_SHAPES)
    def test_type_comes_first(self, message: Message) -> None:
        written = codec.write(message)
        self.assertTrue(written.startswith(b'{"type":"'), written)
        self.assertEqual(next(iter(json.loads(written))), "type")

    @given(MESSAGES_OF_ALL_SHAPES)
    def test_the_head_says_the_same_as_the_message(self, message: Message) -> None:
        head = codec.read_head(codec.write(message))
        said = json.loads(codec.write(message))
        self.assertEqual(head.type, said["type"])
        for name in ("session_id", "request_id", "viewer_id", "done"):
            self.assertEqual(getattr(head, name), said.get(name))

    @given(st.dictionaries(text, json_values, max_size=4))
    def test_fields_that_a_node_does_not_know_pass_on(self, fields: dict[str, Any]) -> None:
        said = {"type": "pty.start", **fields}
        self.assertEqual(json.loads(codec.write(codec.read_object(json.dumps(said).encode()))), said)

    def test_what_is_not_set_is_left_out(self) -> None:
        self.assertEqual(codec.write(RelayRestart()), b'{"type":"relay.restart"}')
        self.assertEqual(codec.write(WingOffline()), b'{"type":"wing.offline"}')
        self.assertEqual(codec.write(WingOffline(wing_id="w")), b'{"type":"wing.offline","wing_id":"w"}')
        self.assertEqual(codec.write(Error(message="no")), b'{"type":"error","message":"no"}')
        self.assertEqual(
            codec.write(PtyOutput(session_id="s", data="d")),
            b'{"type":"pty.output","session_id":"s","data":"d"}',
        )
        self.assertEqual(
            codec.write(AttentionEvent(wing_id="w", session_id="s")),
            b'{"type":"session.attention","wing_id":"w","session_id":"s"}',
        )

    def test_a_registration_always_carries_its_lists(self) -> None:
        written = json.loads(codec.write(WingRegister(wing_id=WING_ID)))
        self.assertEqual(
            written,
            {
                "type": "wing.register",
                "wing_id": WING_ID,
                "agents": None,
                "skills": None,
                "labels": None,
                "identities": None,
                "locked": False,
            },
        )

    def test_text_is_utf8_and_not_escaped(self) -> None:
        self.assertIn("é✓🐙".encode(), codec.write(Error(message="é✓🐙")))


class DamageTests(TestCase):
    @given(st.binary(max_size=200))
    def test_any_bytes(self, data: bytes) -> None:
        read_everything(data)

    @given(json_values)
    def test_any_json(self, value: Any) -> None:
        read_everything(json.dumps(value).encode())

    @given(
        st.sampled_from(KINDS), st.dictionaries(st.text("abcdefgijlmnoprstuwyz_", max_size=12), json_values)
    )
    def test_any_fields_under_a_known_type(self, kind: type[Message], fields: dict[str, Any]) -> None:
        tag = msgspec.inspect.type_info(kind).tag  # type: ignore[union-attr]
        read_everything(json.dumps({**fields, "type": tag}).encode())

    @given(MESSAGES_OF_ALL_SHAPES, st.data())
    def test_a_real_message_with_one_field_of_any_type(self, message: Message, data: st.DataObject) -> None:
        said = json.loads(codec.write(message))
        said[data.draw(st.sampled_from(sorted(said)))] = data.draw(json_values)
        read_everything(json.dumps(said).encode())

    @given(MESSAGES_OF_ALL_SHAPES, st.data())
    def test_a_real_message_with_some_bytes_changed(self, message: Message, data: st.DataObject) -> None:
        written = bytearray(codec.write(message))
        for _ in range(data.draw(st.integers(1, 4))):
            written[data.draw(st.integers(0, len(written) - 1))] = data.draw(st.integers(0, 255))
        read_everything(bytes(written))

    @given(MESSAGES_OF_ALL_SHAPES, st.data())
    def test_a_real_message_cut_off(self, message: Message, data: st.DataObject) -> None:
        written = codec.write(message)
        cut = written[: data.draw(st.integers(0, len(written) - 1))]
        self.assertRaises(InvalidMessage, codec.read_head, cut)
        self.assertRaises(InvalidMessage, codec.read_object, cut)
        self.assertRaises(InvalidMessage, codec.read, cut, type(message))

    def test_each_of_these_is_refused(self) -> None:
        for data in (
            b"",
            b" ",
            b"null",
            b"[]",
            b'"pty.start"',
            b"{}",
            b'{"type":5}',
            b'{"type":null}',
            b'{"type":"a"',
            b'{"type":"a"} {}',
            b'{"type":"a","session_id":5}',
            b'{"type":"a","request_id":[]}',
            b'{"type":"a","viewer_id":{}}',
            b'{"type":"a","done":"yes"}',
            b'{"type":"\xff"}',
            b'{"type":"\\ud800"}',
            b"\xef\xbb\xbf" + b'{"type":"a"}',
            b'{"type":"a"}'.decode().encode("utf-16"),
        ):
            self.assertRaises(InvalidMessage, codec.read_head, data)

    def test_deep_nesting_is_refused_not_a_crash(self) -> None:
        for depth in (10, 900, 990, 1000, 1010, 200_000):
            for data in (
                b'{"type":"a","x":' + b"[" * depth + b"]" * depth + b"}",
                b'{"type":"a","x":' + b"[" * depth,
                b'{"type":"a","x":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}",
            ):
                try:
                    said = codec.read_object(data)
                except InvalidMessage:
                    continue
                self.assertEqual(codec.read_object(codec.write(said)), said)

    def test_numbers_of_any_size_pass_on_or_are_refused(self) -> None:
        for number in (b"1e400", b"-1e400", b"9" * 400, b"1" + b"0" * 5000, b"1e-400"):
            try:
                said = codec.read_object(b'{"type":"a","x":' + number + b"}")
            except InvalidMessage:
                continue
            self.assertEqual(codec.read_object(codec.write(said)), said)

    def test_the_sentence_names_the_field(self) -> None:
        why = self.assertRaises(
            InvalidMessage, codec.read, b'{"type":"pty.resize","session_id":"a","cols":80}', PtyResize
        )
        self.assertIn("rows", str(why))
        why = self.assertRaises(
            InvalidMessage,
            codec.read,
            b'{"type":"pty.resize","session_id":"a","cols":"80","rows":1}',
            PtyResize,
        )
        self.assertIn("cols", str(why))


class BoundsTests(TestCase):
    def refused(self, kind: type[Message], **fields: Any) -> None:
        tag = msgspec.inspect.type_info(kind).tag  # type: ignore[union-attr]
        self.assertRaises(InvalidMessage, codec.read, codec.write({"type": tag, **fields}), kind)

    def test_absurd_sizes_of_a_terminal(self) -> None:
        good: dict[str, Any] = {"agent": "shell", "public_key": "k", "cols": 80, "rows": 24}
        codec.read(codec.write({"type": "pty.start", **good}), PtyStart)
        for bad in (0, -1, MAX_COLS + 1, 2**31, 2**64, 80.5, "80", None, True, [80]):
            for name in ("cols", "rows"):
                self.refused(PtyStart, **{**good, name: bad})
                self.refused(PtyResize, session_id="s", **{"cols": 80, "rows": 24, name: bad})
                if bad is not None:
                    self.refused(PtyAttach, session_id="s", public_key="k", **{name: bad})

    def test_ids_have_a_length(self) -> None:
        for kind in (PtyKill, PtyDetach):
            self.refused(kind, session_id="")
            self.refused(kind, session_id="a" * (MAX_ID_CHARS + 1))
            self.refused(kind, session_id=None)
            self.refused(kind)
        self.refused(TunnelReq, wing_id="w", request_id="", sender_pub="", payload="")
        self.refused(TunnelReq, wing_id="w", request_id="r" * (MAX_ID_CHARS + 1), sender_pub="", payload="")

    def test_a_wing_id_is_20_to_32_hex_digits(self) -> None:
        for good in ("a" * 20, "A" * 24, "0123456789abcdef" * 2):
            self.assertEqual(codec.read(registration(good), WingRegister).wing_id, good)
        for bad in (
            "",
            "a" * 19,
            "a" * 33,
            "g" * 24,
            "a" * 24 + "\n",
            " " + "a" * 24,
            "../" + "a" * 21,
            5,
            None,
        ):
            self.refused(WingRegister, wing_id=bad)
            self.refused(WingHeartbeat, wing_id=bad)
            self.refused(WingConfig, wing_id=bad, locked=False)

    def test_a_message_is_not_read_as_another(self) -> None:
        data = codec.write(PtyKill(session_id="s"))
        self.assertRaises(InvalidMessage, codec.read, data, PtyDetach)

    def test_lists_and_optional_fields_of_a_registration_may_be_null(self) -> None:
        nulls = dict.fromkeys(
            ("hostname", "platform", "version", "projects", "org_slug", "root_dir", "public_key")
        )
        read = codec.read(registration(**nulls, allowed_count=None, features=None), WingRegister)
        self.assertIsNone(read.agents)
        self.assertIsNone(read.public_key)


class WordsTests(TestCase):
    def test_a_wing_id_that_is_none(self) -> None:
        for wrong in ("x", "g" * 24, "a" * 33, "'"):
            message = codec.write({"type": "wing.heartbeat", "wing_id": wrong})
            why = self.assertRaises(InvalidMessage, codec.read, message, WingHeartbeat)
            self.assertEqual(str(why), "invalid message: wing_id: 20 to 32 hex characters")

    def test_other_faults_are_told_as_they_are(self) -> None:
        why = self.assertRaises(InvalidMessage, codec.read, b'{"type": "wing.heartbeat"}', WingHeartbeat)
        self.assertIn("`wing_id`", str(why))

    def test_a_pattern_without_words(self) -> None:
        kind = Annotated[str, msgspec.Meta(pattern="^a$")]
        with self.assertRaises(msgspec.ValidationError) as caught:
            msgspec.json.decode(b'"b"', type=kind)
        self.assertEqual(codec.in_words(caught.exception), "the value: of another form")
