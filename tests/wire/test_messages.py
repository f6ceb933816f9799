"""The table of messages against protocol.md sections 3 and 4, field for field."""

from __future__ import annotations

import msgspec
from twisted.trial.unittest import TestCase

from wingthing.wire import messages, node_messages
from wingthing.wire.messages import MESSAGES, From, Message, Route

# As protocol.md has them; `type` is left out. Fields after the bar are set by the node alone.
FIELDS = {
    "WingRegister": (
        "wing_id hostname platform version agents skills labels identities projects org_slug root_dir"
        " public_key locked allowed_count features"
    ),
    "WingHeartbeat": "wing_id",
    "WingConfig": "wing_id locked allowed_count",
    "SessionAttention": "session_id agent cwd nonce",
    "PtyStarted": "session_id agent public_key cwd auth_token viewer_id sealed_token",
    "PtyOutput": "session_id data compressed viewer_id",
    "PtyExited": "session_id exit_code error viewer_id",
    "PtyPreview": "session_id data viewer_id",
    "PtyBrowserOpen": "session_id url",
    "PasskeyChallenge": "session_id challenge keys nonce",
    "PasskeyResponse": "session_id credential_id authenticator_data client_data_json signature",
    "TunnelRes": "request_id payload",
    "TunnelStream": "request_id payload done",
    "PtyStart": (
        "agent cols rows public_key cwd wing_id auth_token sealed_token passkey_credential_id"
        " session_id user_id email display_name org_role passkeys"
    ),
    "PtyAttach": (
        "session_id public_key wing_id auth_token sealed_token cols rows spectate"
        " user_id email viewer_id org_role passkeys"
    ),
    "PtyInput": "session_id data",
    "PtyResize": "session_id cols rows",
    "PtyKill": "session_id",
    "PtyDetach": "session_id",
    "PtyAttentionAck": "session_id",
    "TunnelReq": (
        "wing_id request_id sender_pub payload sender_user_id sender_email sender_org_role sender_passkeys"
    ),
    "Registered": "wing_id relay_pub_key features",
    "PasskeyRegistered": "user_id email",
    "Error": "message session_id request_id",
    "RelayRestart": "",
    "BandwidthExceeded": "message session_id request_id resets_at",
    "BandwidthNotice": "message used_bytes cap_bytes resets_at",
    "PtyDetached": "session_id reason viewer_id",
    "WingOnline": "wing_id public_key locked allowed_count user_id owner org_id",
    "WingConfigured": "wing_id public_key locked allowed_count user_id owner org_id",
    "WingOffline": "wing_id",
    "AttentionEvent": "wing_id session_id",
    "OrgChanged": "",
}

FORWARDED_WITHOUT_READING = {
    "pty.migrated",
    "pty.fallback",
    "pty.migrate",
}
"""The protocol names these types and says nothing of their fields: a node never looks into them."""


def all_messages() -> dict[str, type[Message]]:
    return {kind.__name__: kind for kind in Message.__subclasses__()}


def tag(kind: type[Message]) -> str:
    return str(msgspec.inspect.type_info(kind).tag)  # type: ignore[union-attr]


class TableTests(TestCase):
    def test_every_message_class_is_in_the_table(self) -> None:
        for kind in all_messages().values():
            self.assertIn(tag(kind), MESSAGES)

    def test_every_row_has_a_class_or_is_never_read(self) -> None:
        tags = {tag(kind) for kind in all_messages().values()}
        self.assertEqual(set(MESSAGES) - tags, FORWARDED_WITHOUT_READING)
        self.assertEqual(FORWARDED_WITHOUT_READING & tags, set())

    def test_every_class_is_one_of_these_modules(self) -> None:
        both = vars(messages) | vars(node_messages)
        for name, kind in all_messages().items():
            self.assertIs(both[name], kind)

    def test_what_passes_unchanged_is_routed_by_an_id(self) -> None:
        for name, row in MESSAGES.items():
            if row.verbatim:
                self.assertIn(row.route, (Route.SESSION, Route.REQUEST), name)

    def test_a_browsers_session_messages_need_control(self) -> None:
        for name, row in MESSAGES.items():
            if From.BROWSER in row.sender and row.route is Route.SESSION:
                self.assertTrue(row.controller_only, name)

    def test_no_message_may_come_from_a_wing_and_a_browser(self) -> None:
        for name, row in MESSAGES.items():
            self.assertFalse(From.WING in row.sender and From.BROWSER in row.sender, name)

    def test_senders_are_those_of_the_protocol(self) -> None:
        browser = {
            "pty.start",
            "pty.attach",
            "pty.input",
            "pty.resize",
            "pty.attention_ack",
            "passkey.response",
            "pty.migrate",
            "pty.kill",
            "pty.detach",
            "tunnel.req",
        }
        wing = {
            "wing.register",
            "wing.heartbeat",
            "wing.config",
            "pty.started",
            "pty.output",
            "pty.exited",
            "pty.preview",
            "pty.browser_open",
            "pty.migrated",
            "pty.fallback",
            "passkey.challenge",
            "tunnel.res",
            "tunnel.stream",
            "session.attention",
            "error",  # an extension, to nodes that name it
        }
        self.assertEqual({name for name, row in MESSAGES.items() if From.BROWSER in row.sender}, browser)
        self.assertEqual({name for name, row in MESSAGES.items() if From.WING in row.sender}, wing)


class FieldTests(TestCase):
    def test_field_names_are_exactly_those_of_the_protocol(self) -> None:
        found = {
            name: {field.encode_name for field in msgspec.structs.fields(kind)}
            for name, kind in all_messages().items()
        }
        self.assertEqual(found, {name: set(fields.split()) for name, fields in FIELDS.items()})

    def test_every_message_ignores_fields_that_it_does_not_know(self) -> None:
        for kind in all_messages().values():
            self.assertFalse(kind.__struct_config__.forbid_unknown_fields, kind)

    def test_messages_cannot_be_changed(self) -> None:
        for kind in all_messages().values():
            self.assertTrue(kind.__struct_config__.frozen, kind)
