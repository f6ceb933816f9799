"""E-mail addresses: what is one address, and what only looks like it."""

from __future__ import annotations

import unicodedata

from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from wingthing.errors import InvalidMessage
from wingthing.wire.email_address import is_mailable, normal, normal_domain


class NormalTests(TestCase):
    def test_one_address_in_several_spellings(self) -> None:
        for spelling in (
            "admin@example.org",
            "ADMIN@Example.org",
            " Admin@EXAMPLE.ORG ",
            "admin@example。org",
        ):
            self.assertEqual(normal(spelling), "admin@example.org")
        for spelling in ("ann@bücher.example", "ann@BÜCHER.example", "ann@xn--bcher-kva.example"):
            self.assertEqual(normal(spelling), "ann@xn--bcher-kva.example")

    def test_what_only_looks_alike_stays_different(self) -> None:
        alike = [
            "admin@example.org",
            "\u0430dmin@example.org",  # a Cyrillic a
            "admin@ex\u0430mple.org",
            "adm\u0131n@example.org",  # a dotless i: its capital is I
            "adm\u0130n@example.org",
            "admin+1@example.org",
            "a.dmin@example.org",
            "admin@stra\u00dfe.example",
            "admin@strasse.example",
            "\u00e9@example.org",
            "\u00c9@example.org",
        ]
        self.assertEqual(len({normal(address) for address in alike}), len(alike))

    def test_what_could_be_read_as_another_is_none(self) -> None:
        for address in (
            "",
            "ann",
            "@example.org",
            "ann@",
            "ann@@example.org",
            "an n@example.org",
            "ann\u00a0@example.org",
            "ann\n@example.org",
            "ann@example.org\n",
            "ann@exam\u200bple.org",
            "\u202eann@example.org",
            "an\u200dn@example.org",
            "\uff41nn@example.org",  # full width: NFKC makes an a of it
            "\u212aim@example.org",  # the Kelvin sign: its small letter is k
            "e\u0301@example.org",  # two characters where one is meant
            "\ufb01n@example.org",
            '"ann"@example.org',
            "ann@example.org,bob@example.org",
            "<ann@example.org>",
            "ann@example.org>",
            "ann@[127.0.0.1]",
            "ann@127.0.0.1",
            "ann@example.org.",
            "ann@.org",
            "ann@exa_mple.org",
            "ann@-.org",
            ".ann@example.org",
            "ann.@example.org",
            "a..n@example.org",
            "a" * 65 + "@example.org",
            "a@" + "b" * 250 + ".org",
            "\ud800@example.org",
        ):
            self.assertRaises(InvalidMessage, normal, address)

    def test_an_error_is_a_sentence_on_one_line(self) -> None:
        for address in ("a\r\nBcc: b@example.org", "x" * 10_000):
            with self.assertRaises(InvalidMessage) as refused:
                normal(address)
            self.assertEqual(str(refused.exception), "this is no e-mail address that can be used here")

    @given(st.text(max_size=20), st.sampled_from(["example.org", "EXAMPLE.org", "bücher.example"]))
    def test_the_form_of_a_form_is_the_form(self, local: str, domain: str) -> None:
        try:
            once = normal(f"{local}@{domain}")
        except InvalidMessage:
            return
        self.assertEqual(normal(once), once)
        self.assertEqual(once.rpartition("@")[0].lower(), local.strip(" ").lower())
        self.assertEqual(unicodedata.normalize("NFKC", once), once)

    @given(st.text(max_size=8), st.text(max_size=8))
    def test_different_before_the_at_but_for_ascii_case_is_different(self, one: str, other: str) -> None:
        def folded(text: str) -> str:
            return "".join(c.lower() if c.isascii() else c for c in text.strip(" "))

        assume(folded(one) != folded(other))
        try:
            both = normal(f"{one}@example.org"), normal(f"{other}@example.org")
        except InvalidMessage:
            return
        self.assertNotEqual(*both)


class DomainTests(TestCase):
    def test_a_domain(self) -> None:
        self.assertEqual(normal_domain("Team.Example.ORG"), "team.example.org")
        for wrong in ("", ".", "a b", "example.org ", "@example.org", "exa\u200bmple.org"):
            self.assertRaises(InvalidMessage, normal_domain, wrong)


class MailableTests(TestCase):
    def test_what_can_stand_in_an_envelope(self) -> None:
        for address in ("ann@example.org", "o'brien+x@example.org"):
            self.assertTrue(is_mailable(address))
        for address in ("", "ann", "@b", "a@", "é@example.org", "a b@c", "a@b\n", "<a@b>", "a@b>", "a,b@c"):
            self.assertFalse(is_mailable(address), address)
