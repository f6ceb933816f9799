from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.cluster.proxy_paths import RESERVED, check_target, is_local
from wingthing.errors import NotFound, PeerError


class LocalTests(TestCase):
    def test_what_an_edge_serves(self) -> None:
        for path in (
            b"/health",
            b"/ready",
            b"/metrics",
            b"/ws",
            b"/ws/pty",
            b"/internal",
            b"/internal/x",
            b"*",
        ):
            self.assertTrue(is_local(path), path)

    def test_what_it_does_not(self) -> None:
        for path in (
            b"/",
            b"/wsx",
            b"/health/",
            b"/healthy",
            b"/internals",
            b"/api/ws/x",
            b"/%77s/",
            b"//ws/x",
            b"",
        ):
            self.assertFalse(is_local(path), path)


class TargetTests(TestCase):
    def assertKept(self, *targets: bytes) -> None:
        for target in targets:
            with self.assertRaises(NotFound, msg=str(target)):
                check_target(b"GET", target)

    def test_what_goes_to_login(self) -> None:
        for target in (
            b"/",
            b"/?a=/internal",
            b"/app/",
            b"/api/app/wings?x=../internal",
            b"/auth/claim?code=%2Finternal",
            b"/internals",
            b"/wsx",
            b"/w/internal",
            b"/a/../b",
            b"/a/..",
            b"/..",
            b"/%",
            b"/%zz",
            b"/a%2Fb",
            b"/caf%C3%A9",
            b"/%ff%00",
            b"/health/x",
            b'/{}|^`"<>',
        ):
            check_target(b"GET", target)

    def test_every_spelling_of_what_is_reserved(self) -> None:
        for name in RESERVED:
            self.assertKept(
                *(
                    spelling.replace(b"NAME", name)
                    for spelling in (
                        b"//NAME",
                        b"//NAME/x",
                        b"/./NAME/x",
                        b"/.//./NAME",
                        b"/x/../NAME",
                        b"/x/y/../../NAME/z",
                        b"/../NAME",
                        b"/NAME/../x",
                        b"/%2e/NAME",
                        b"/x/%2e%2E/NAME",
                        b"/x%2f..%2fNAME",
                        b"/NAME%2fx",
                        b"/%2fNAME",
                        b"/NAME;a=b/x",
                        b"/NAME;/x?y",
                        b"/.;x/NAME",
                        b"/\\NAME",
                        b"/x\\..\\NAME\\y",
                        b"/%5cNAME",
                        b"/#/../NAME",
                    )
                )
            )
            self.assertKept(b"/" + name.upper() + b"/x", b"/" + name.title())

    def test_encoded_letters(self) -> None:
        self.assertKept(
            b"/%69nternal/x", b"/interna%6C", b"/%77s/pty", b"/w%73", b"/metric%73/", b"/%6Detrics"
        )

    def test_encoded_twice(self) -> None:
        self.assertKept(b"/%2569nternal/x", b"/x/%252e%252e/internal", b"/internal%252fx")

    def test_what_is_no_path(self) -> None:
        self.assertKept(
            b"http://x/internal/gossip",
            b"http://edge.example/",
            b"HTTP://x",
            b"internal/x",
            b"edge.example:443",
            b"*/internal",
            b"?x",
        )
        with self.assertRaises(NotFound):
            check_target(b"CONNECT", b"/x")

    def test_characters_that_no_address_has(self) -> None:
        for target in (b"/\x80", b"/\xb0x", b"/\x7f", b"/?\x90"):
            with self.assertRaises(PeerError) as caught:
                check_target(b"GET", target)
            self.assertEqual(caught.exception.status, 400)

    def test_a_long_path_takes_no_long_time(self) -> None:
        check_target(b"GET", b"/" + b"%25" * 5000)
        check_target(b"GET", b"/a/.." * 3000)
        self.assertKept(b"/a/.." * 3000 + b"/ws")

    @given(st.sampled_from(sorted(RESERVED)), st.data())
    def test_any_mixture(self, name: bytes, data: st.DataObject) -> None:
        """However it is written, it does not pass."""
        spelled = "".join(f"%{letter:02x}" if data.draw(st.booleans()) else chr(letter) for letter in name)
        before = "".join(data.draw(st.lists(st.sampled_from(["/", "/.", "/x/..", "/%2e", "/%2E%2e", "/;a"]))))
        after = data.draw(st.sampled_from(["", "/", "/x", "?y", "/./z", ";p"]))
        target = f"{before}/{spelled}{after}".encode()
        if not is_local(target.partition(b"?")[0]):
            self.assertKept(target)
