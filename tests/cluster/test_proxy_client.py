from __future__ import annotations

from typing import Any

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import TestCase
from twisted.web.http_headers import Headers

from wingthing.cluster.proxy_client import Outgoing, Upload
from wingthing.wire.limits import PROXY_HELD_BYTES


class Owner:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return lambda: self.told.append(name)


class LostTransport(StringTransport):
    """A connection that is gone already."""

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        producer.stopProducing()


class UploadTests(TestCase):
    def setUp(self) -> None:
        self.owner = Owner()
        self.transport = StringTransport()

    def upload(self, length: int | None = None) -> Upload:
        return Upload(length, self.owner)

    def test_chunks_and_plain_bytes(self) -> None:
        for length, sent in ((None, b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"), (6, b"onetwo")):
            transport = StringTransport()
            upload = self.upload(length)
            upload.start(transport)
            upload.write(b"one")
            upload.write(b"")
            upload.write(b"two")
            upload.end()
            self.assertEqual(transport.value(), sent)
            self.assertTrue(upload.complete)
            self.assertIsNone(transport.producer)
            self.assertEqual(self.owner.told.count("uploaded"), 1)
            self.owner.told.clear()

    def test_what_comes_before_the_connection_keeps_its_order(self) -> None:
        upload = self.upload(6)
        upload.write(b"one")
        upload.write(b"tw")
        self.assertEqual(self.owner.told, ["hold", "hold"])
        upload.start(self.transport)
        upload.write(b"o")
        self.assertEqual(self.transport.value(), b"onetwo")

    def test_the_end_waits_for_what_is_held(self) -> None:
        upload = self.upload()
        upload.start(self.transport)
        upload.pauseProducing()
        upload.write(b"one")
        upload.end()
        self.assertFalse(upload.complete)
        self.assertEqual(self.owner.told[-1], "go_on", "only to notice that the client leaves")
        upload.resumeProducing()
        self.assertTrue(upload.complete)
        self.assertEqual(self.transport.value(), b"3\r\none\r\n0\r\n\r\n")

    def test_nothing_that_is_held_is_lost_when_there_is_little_room(self) -> None:
        upload = self.upload(6)
        upload.write(b"one")
        upload.write(b"two")

        def write(data: bytes) -> None:
            StringTransport.write(self.transport, data)
            upload.pauseProducing()

        self.transport.write = write  # type: ignore[method-assign]
        upload.start(self.transport)
        self.assertEqual(self.transport.value(), b"onetwo")
        self.assertEqual(self.owner.told[-1], "hold")

    def test_too_much(self) -> None:
        upload = self.upload()
        upload.write(b"x" * PROXY_HELD_BYTES)
        self.assertNotIn("overflowing", self.owner.told)
        upload.write(b"x")
        self.assertIn("overflowing", self.owner.told)

    def test_what_is_not_wanted(self) -> None:
        upload = self.upload()
        upload.start(self.transport)
        upload.pauseProducing()
        upload.write(b"held")
        upload.drop()
        self.assertIsNone(self.transport.producer)
        upload.write(b"late")
        upload.end()
        upload.resumeProducing()
        self.assertEqual(self.transport.value(), b"")
        self.assertFalse(upload.complete)

    def test_a_connection_that_is_lost_at_once(self) -> None:
        upload = self.upload()
        upload.write(b"one")
        upload.start(LostTransport())
        upload.write(b"two")
        upload.end()
        self.assertFalse(upload.complete)
        self.assertNotIn("uploaded", self.owner.told)


class OutgoingTests(TestCase):
    def outgoing(self, upload: Upload | None, *, says_empty: bool = False) -> Outgoing:
        return Outgoing(
            b"POST", b"/", Headers({"Host": ["h"]}), upload, says_empty=says_empty, sent=lambda: None
        )

    def test_only_a_complete_request_lets_its_connection_be_used_again(self) -> None:
        transport = StringTransport()
        upload = Upload(4, Owner())
        request = self.outgoing(upload)
        self.successResultOf(request.writeTo(transport))
        self.assertNotIn(b"Connection", transport.value())
        self.assertFalse(request.persistent)
        request.uploaded()
        self.assertTrue(request.persistent)

    def test_and_only_if_login_does_not_close_it(self) -> None:
        request = self.outgoing(Upload(4, Owner()))
        request.writeTo(StringTransport())
        request.not_again()
        request.uploaded()
        self.assertFalse(request.persistent)

    def test_an_empty_body_is_named_when_the_client_named_it(self) -> None:
        for says_empty in (False, True):
            transport = StringTransport()
            self.outgoing(None, says_empty=says_empty).writeTo(transport)
            self.assertEqual(b"Content-Length: 0" in transport.value(), says_empty)

    def test_nothing_to_abort(self) -> None:
        self.outgoing(None).abort()
