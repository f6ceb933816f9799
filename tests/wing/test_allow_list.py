"""Changes of the list of who may come in."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from wingthing.wing.access import Person
from wingthing.wing.allow_list import added, pinned, without
from wingthing.wing.config import AllowKey

ANN = {"email": "ann@x", "note": "n"}
BOB = {"user_id": "bob", "key": "one"}


class AllowListTests(TestCase):
    def test_somebody_new(self) -> None:
        self.assertEqual(added(None, AllowKey(email="ann@x")), [{"email": "ann@x"}])
        self.assertEqual(
            added([BOB], AllowKey("k", "ann", "a@x"))[1], {"key": "k", "user_id": "ann", "email": "a@x"}
        )

    def test_somebody_who_is_there(self) -> None:
        self.assertEqual(added([ANN, BOB], AllowKey(email="ANN@X")), [ANN, BOB])
        self.assertEqual(added([BOB], AllowKey(user_id="bob")), [BOB])
        self.assertEqual(added([BOB], AllowKey("one", "bob")), [BOB])

    def test_their_passkey_is_written_to_the_entry_that_has_none(self) -> None:
        self.assertEqual(added([BOB, ANN], AllowKey("k", email="ann@x")), [BOB, ANN | {"key": "k"}])

    def test_a_second_passkey(self) -> None:
        self.assertEqual(added([BOB], AllowKey("two", "bob")), [BOB, {"key": "two", "user_id": "bob"}])

    def test_a_passkey_of_nobody(self) -> None:
        once = added([BOB], AllowKey("one"))
        self.assertEqual(once, [BOB, {"key": "one"}])
        self.assertEqual(added(once, AllowKey("one")), once)
        self.assertEqual(added(once, AllowKey("two"))[2:], [{"key": "two"}])

    def test_the_list_that_is_given_is_left_alone(self) -> None:
        entries = [dict(ANN)]
        added(entries, AllowKey("k", email="ann@x"))
        pinned(entries, Person(email="ann@x"), "k")
        without(entries, AllowKey(email="ann@x"))
        self.assertEqual(entries, [ANN])

    def test_an_address_that_only_folds_to_another_is_somebody_elses(self) -> None:
        entries = [{"email": "strasse@x.org"}]
        other = AllowKey(email="stra\u00dfe@x.org")
        self.assertEqual(added(entries, other), [*entries, {"email": "stra\u00dfe@x.org"}])
        self.assertEqual(without(entries, other), entries)

    def test_taking_away_what_fits_everything(self) -> None:
        twice = [BOB, {"user_id": "bob", "key": "two"}, ANN]
        self.assertEqual(without(twice, AllowKey(user_id="bob")), [ANN])
        self.assertEqual(without(twice, AllowKey("two", "bob")), [BOB, ANN])
        self.assertEqual(without(twice, AllowKey(email="Ann@X")), twice[:2])
        for named in (AllowKey(), AllowKey("two", "ann"), AllowKey(user_id="Bob"), AllowKey(email="an")):
            self.assertEqual(without(twice, named), twice)
        self.assertEqual(without(None, AllowKey(user_id="bob")), [])

    def test_writing_down_a_passkey(self) -> None:
        person = Person("x", "Ann@x")
        written = ANN | {"key": "k", "user_id": "x"}
        self.assertEqual(pinned([BOB, ANN, ANN], person, "k"), [BOB, written, ANN])
        self.assertEqual(pinned([BOB], person, "k"), [BOB])
