"""`/api/app/passkey`: registering passkeys, and attempts to register what is none."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import cbor2
from hypothesis import given
from hypothesis import strategies as st
from klein import Klein
from twisted.internet.defer import Deferred

from tests.authenticator import ATTESTED, PRESENT, Authenticator, base64url, from_base64url
from tests.store.support import counting
from tests.web.support import NOW, Answer, WebCase
from wingthing.store import audit, passkeys, users
from wingthing.web import passkey_api
from wingthing.web.passkey_api import PasskeyApi
from wingthing.wire.account_limits import MAX_PASSKEYS, PASSKEY_REGISTRATION_SECONDS
from wingthing.wire.gossip import PasskeysChanged

HOST = "localhost:8080"
ORIGIN = f"http://{HOST}"


class PasskeyCase(WebCase):
    host = HOST
    origin = ORIGIN

    def setUp(self) -> None:
        self.told: list[PasskeysChanged] = []
        super().setUp()
        self.log_in()
        self.passkey = Authenticator(self.host.partition(":")[0], self.origin)

    def parts(self) -> Mapping[str, Klein]:
        self.served = PasskeyApi(
            authenticator=self.authenticator,
            database=self.database,
            guard=self.guard,
            seconds=self.clock.seconds,
            changed=self.told.append,
            randomness=counting(),
        )
        return dict.fromkeys(passkey_api.PARTS, self.served.app)

    def call(self, method: str, path: str = "", body: object = None, **headers: str | None) -> Answer:
        sent = {"Host": self.host, "Origin": self.origin if method != "GET" else None, **headers}
        return self.ask(method, f"/api/app/passkey{path}", body, sent)

    def begin(self) -> dict[str, Any]:
        answer = self.call("POST", "/register/begin")
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(list(answer.json), ["publicKey"])
        options: dict[str, Any] = answer.json["publicKey"]
        return options

    def finish(self, made: dict[str, Any], **fields: Any) -> Answer:
        return self.call("POST", "/register/finish", made | fields)

    def register(self, authenticator: Authenticator | None = None, **fields: Any) -> dict[str, Any]:
        answer = self.finish((authenticator or self.passkey).create(self.begin()), **fields)
        self.assertEqual(answer.status, 200, answer.text)
        told: dict[str, Any] = answer.json
        return told

    def refused(self, made: dict[str, Any], status: int = 400) -> str:
        answer = self.finish(made)
        self.assertEqual(answer.status, status, answer.text)
        self.assertEqual(self.call("GET").json, [])
        return answer.error


class RegistrationTests(PasskeyCase):
    def test_what_the_browser_is_asked_to_make(self) -> None:
        options = self.begin()
        self.assertEqual(options["rp"], {"id": "localhost", "name": "wingthing"})
        self.assertEqual(options["pubKeyCredParams"], [{"type": "public-key", "alg": -7}])
        self.assertEqual(options["authenticatorSelection"]["userVerification"], "preferred")
        self.assertEqual(options["attestation"], "none")
        self.assertEqual(options["excludeCredentials"], [])
        self.assertEqual(options["timeout"], PASSKEY_REGISTRATION_SECONDS * 1000)
        self.assertEqual((options["user"]["name"], options["user"]["displayName"]), ("Robin", "Robin"))
        self.assertEqual(len(from_base64url(options["user"]["id"])), 32)
        self.assertNotIn(base64url(b"local"), options["user"]["id"])
        self.assertEqual(len(from_base64url(options["challenge"])), 32)

    def test_from_begin_to_end(self) -> None:
        self.assertIs(self.get("/api/app/me").json["has_passkeys"], False)
        told = self.register(label="  My   key ")
        self.assertEqual(
            told,
            {
                "id": told["id"],
                "credential_id": base64url(self.passkey.credential_id),
                "public_key": self.passkey.key,
                "label": "My key",
                "created_at": int(NOW),
            },
        )
        self.assertEqual(self.call("GET").json, [told])
        self.assertIs(self.get("/api/app/me").json["has_passkeys"], True)
        key = self.passkey.key
        self.assertEqual(self.told, [PasskeysChanged(user_id="local", keys=[key], registered=True)])
        renamed = self.call("PUT", f"/{told['id']}", {"label": "Other"})
        self.assertEqual(renamed.json, {"ok": True, "label": "Other"})
        self.assertEqual(self.call("GET").json[0]["label"], "Other")
        gone = self.call("DELETE", f"/{told['id']}")
        self.assertEqual((gone.status, gone.body), (204, b""))
        self.assertEqual(self.call("GET").json, [])
        self.assertEqual(self.told[1:], [PasskeysChanged(user_id="local", keys=[])])
        log = [(e.action, e.subject, e.address) for e in self.run_now(audit.of_user, "local", most=9)]
        self.assertIn(("passkey registered", told["id"], "127.0.0.1"), log)
        self.assertIn(("passkey deleted", told["id"], "127.0.0.1"), log)

    def test_what_is_registered_is_named_to_the_authenticator(self) -> None:
        self.register()
        (excluded,) = self.begin()["excludeCredentials"]
        self.assertEqual(excluded["id"], base64url(self.passkey.credential_id))
        self.assertEqual(excluded["transports"], ["internal"])

    def test_a_label_when_none_is_given(self) -> None:
        self.assertEqual(self.register()["label"], "Passkey")
        made = Authenticator("localhost", ORIGIN)
        agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
        answer = self.call("POST", "/register/finish", made.create(self.begin()), **{"User-Agent": agent})
        self.assertEqual(answer.json["label"], "Firefox 128 on Linux")

    def test_labels_that_are_none(self) -> None:
        told = self.register()
        for label in ("", " ", "x" * 65, "a\u202eb", "a\0b"):
            self.assertEqual(self.call("PUT", f"/{told['id']}", {"label": label}).status, 400, label)

    def test_the_same_passkey_twice(self) -> None:
        self.register()
        answer = self.finish(self.passkey.create(self.begin()))
        self.assertEqual(answer.status, 409)
        self.assertEqual(len(self.call("GET").json), 1)

    def test_no_more_than_so_many(self) -> None:
        for _ in range(MAX_PASSKEYS):
            self.register(Authenticator("localhost", ORIGIN))
        self.assertEqual(self.call("POST", "/register/begin").status, 409)

    def test_somebody_elses(self) -> None:
        self.run_now(users.ensure, "ann", name="Ann", provider="test", now=NOW)
        theirs = passkeys.Passkey("theirs", "c", "k", "l", "", NOW)
        self.run_now(passkeys.add, "ann", theirs)
        self.assertEqual(self.call("GET").json, [])
        self.assertEqual(self.call("DELETE", "/theirs").status, 404)
        self.assertEqual(self.call("PUT", "/theirs", {"label": "x"}).status, 404)
        self.assertEqual(self.run_now(passkeys.of_user, "ann"), [theirs])

    def test_without_a_login(self) -> None:
        self.cookie = ""
        for method, path in (
            ("GET", ""),
            ("POST", "/register/begin"),
            ("POST", "/register/finish"),
            ("DELETE", "/x"),
            ("PUT", "/x"),
        ):
            self.assertEqual(self.call(method, path).status, 401, path)

    def test_from_a_foreign_page(self) -> None:
        made = self.passkey.create(self.begin())
        for origin in ("https://evil.example", "null", None):
            self.assertEqual(self.call("POST", "/register/begin", Origin=origin).status, 403)
            self.assertEqual(self.call("POST", "/register/finish", made, Origin=origin).status, 403)
        answer = self.call("POST", "/register/finish", made, **{"Content-Type": "text/plain"})
        self.assertEqual(answer.status, 415)


class ChallengeTests(PasskeyCase):
    def test_counts_once(self) -> None:
        made = self.passkey.create(self.begin())
        self.assertEqual(self.finish(made).status, 200)
        self.call("DELETE", f"/{self.call('GET').json[0]['id']}")
        self.assertIn("begin again", self.refused(made))

    def test_is_spent_by_a_wrong_answer(self) -> None:
        options = self.begin()
        self.refused(self.passkey.create(options, type="webauthn.get"))
        self.assertIn("begin again", self.refused(self.passkey.create(options)))

    def test_runs_out(self) -> None:
        made = self.passkey.create(self.begin())
        self.clock.advance(PASSKEY_REGISTRATION_SECONDS)
        self.assertIn("begin again", self.refused(made))

    def test_is_replaced_by_the_next(self) -> None:
        made = self.passkey.create(self.begin())
        self.begin()
        self.refused(made)

    def test_is_of_one_login_session(self) -> None:
        made = self.passkey.create(self.begin())
        self.log_in()
        self.assertIn("begin again", self.refused(made))

    def test_only_so_many_are_remembered(self) -> None:
        self.patch(passkey_api, "MAX_PASSKEY_REGISTRATIONS", 2)
        made = self.passkey.create(self.begin())
        first = self.cookie
        for _ in range(2):
            self.log_in()
            self.begin()
        self.cookie = first
        self.assertIn("begin again", self.refused(made))


class AttackTests(PasskeyCase):
    def test_made_on_another_page(self) -> None:
        for origin in (
            "https://evil.example",
            "http://localhost:9",
            "https://localhost",
            "null",
            "",
            5,
            None,
        ):
            self.refused(self.passkey.create(self.begin(), origin=origin))
        self.refused(self.passkey.create(self.begin(), crossOrigin=True))

    def test_made_for_another_server(self) -> None:
        other = Authenticator("evil.example", ORIGIN)
        self.assertIn("RP ID", self.refused(other.create(self.begin())))

    def test_an_answer_to_another_question(self) -> None:
        self.refused(self.passkey.create(self.begin(), challenge=base64url(bytes(32))))
        self.refused(self.passkey.create(self.begin(), type="webauthn.get"))

    def test_nobody_was_there(self) -> None:
        client = json.dumps(
            {"type": "webauthn.create", "challenge": self.begin()["challenge"], "origin": ORIGIN}
        ).encode()
        data = self.passkey.attested(self.passkey.cose(), flags=ATTESTED)
        self.refused(self.passkey.registration(client, data))

    def test_other_kinds_of_keys(self) -> None:
        good = self.passkey.cose()
        for cose in (
            good | {3: -8},
            good | {3: -35},
            good | {-1: 2},
            good | {-2: bytes(32)},
            good | {-2: self.passkey.x + b"\0"},
            good | {-3: b""},
            {1: 1, 3: -7, -1: 6, -2: self.passkey.x},
            {1: 3, 3: -257, -1: b"n" * 256, -2: b"\1\0\1"},
            {},
        ):
            client = json.dumps(
                {"type": "webauthn.create", "challenge": self.begin()["challenge"], "origin": ORIGIN}
            ).encode()
            data = self.passkey.attested(cose, flags=ATTESTED | PRESENT)
            self.refused(self.passkey.registration(client, data))

    def test_damaged_json(self) -> None:
        self.begin()
        for body in ({}, {"id": 1}, [], {"id": "a", "rawId": "a", "type": "public-key", "response": 5}):
            self.assertEqual(self.call("POST", "/register/finish", body).status, 400, body)
        self.assertEqual(self.call("GET").json, [])

    @given(st.binary(max_size=300), st.binary(max_size=300))
    def test_nonsense_is_refused_in_words(self, client_data: bytes, attestation: bytes) -> None:
        made = self.passkey.create(self.begin())
        made["response"] = {
            "clientDataJSON": base64url(client_data),
            "attestationObject": base64url(attestation),
        }
        self.refused(made)

    @given(
        st.recursive(
            st.none() | st.integers() | st.binary(max_size=80) | st.text(max_size=10),
            lambda inner: (
                st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
            ),
            max_leaves=12,
        )
    )
    def test_any_cbor_is(self, said: Any) -> None:
        made = self.passkey.create(self.begin())
        made["response"]["attestationObject"] = base64url(
            cbor2.dumps(said | {"fmt": "none"} if isinstance(said, dict) else said)
        )
        self.refused(made)


class AddressTests(PasskeyCase):
    host = "127.0.0.1:8080"
    origin = "http://127.0.0.1:8080"

    def test_a_passkey_needs_a_name(self) -> None:
        answer = self.call("POST", "/register/begin")
        self.assertEqual(answer.status, 400)
        self.assertIn("localhost", answer.error)


class PublicTests(PasskeyCase):
    base_url = "https://wings.example.org"
    host = "wings.example.org"
    origin = "https://wings.example.org"

    def test_the_public_name(self) -> None:
        self.assertEqual(self.begin()["rp"]["id"], "wings.example.org")
        self.register()

    def test_nowhere_else(self) -> None:
        answer = self.call("POST", "/register/begin", Host=HOST, Origin=ORIGIN)
        self.assertEqual(answer.status, 400)
        self.assertIn("https://wings.example.org", answer.error)
        made = self.passkey.create(self.begin(), origin="http://wings.example.org")
        self.assertIn("another server", self.refused(made))


class PublicAddressTests(PasskeyCase):
    base_url = "http://127.0.0.1:8080"

    def test_a_public_url_without_a_name_counts_for_none(self) -> None:
        self.assertEqual(self.begin()["rp"]["id"], "localhost")
        self.register()
        answer = self.call("POST", "/register/begin", Host="127.0.0.1:8080", Origin="http://127.0.0.1:8080")
        self.assertEqual(answer.status, 400)


class IdentityTests(PasskeyCase):
    def test_whoever_comes_brings_the_keys(self) -> None:
        self.register()
        for said in ({"cookie": self.cookie, "token": None}, {"cookie": None, "token": self.token()}):
            viewer = self.successResultOf(Deferred.fromCoroutine(self.authenticator.viewer(**said)))
            self.assertEqual(viewer.passkeys, (self.passkey.key,))
