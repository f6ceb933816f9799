"""Whose process is at the other end of a loopback connection."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from twisted.trial.unittest import TestCase

from wingthing.web.peer_user import is_loopback, user_of

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ROW = "   0: {own} {remote} {state} 00000000:00000000 00:00000000 00000000  {uid}        0 77 1 0 20 4 0\n"
LOOPBACK_40000 = "0100007F:9C40"
LOOPBACK_8080 = "0100007F:1F90"
MAPPED_40000 = "0000000000000000FFFF00000100007F:9C40"
MAPPED_8080 = "0000000000000000FFFF00000100007F:1F90"
PEER, OWN = ("127.0.0.1", 40000), ("127.0.0.1", 8080)


class UserOfTests(TestCase):
    def table(self, *rows: tuple[str, str, str, int]) -> tuple[str, ...]:
        path = Path(self.mktemp())
        lines = [ROW.format(own=own, remote=remote, state=state, uid=uid) for own, remote, state, uid in rows]
        path.write_text(HEAD + "".join(lines))
        return (str(path),)

    def test_the_socket_whose_two_ends_are_those_of_the_connection(self) -> None:
        table = self.table(
            (LOOPBACK_8080, LOOPBACK_40000, "01", 1),
            (LOOPBACK_40000, "0100007F:0050", "01", 2),
            (LOOPBACK_40000, LOOPBACK_8080, "01", 1234),
        )
        self.assertEqual(user_of(PEER, OWN, table), 1234)

    def test_another_socket_on_the_same_port_speaks_for_nobody(self) -> None:
        table = self.table(
            (LOOPBACK_40000, "0100007F:0050", "01", 1000), (LOOPBACK_40000, "00000000:0000", "0A", 1)
        )
        self.assertIsNone(user_of(PEER, OWN, table))

    def test_a_socket_without_a_process_reads_as_root_and_is_nobody(self) -> None:
        for state in ("04", "05", "06", "07", "08"):
            self.assertIsNone(
                user_of(PEER, OWN, self.table((LOOPBACK_40000, LOOPBACK_8080, state, 0))), state
            )

    def test_version_4_inside_version_6(self) -> None:
        table = self.table((MAPPED_40000, MAPPED_8080, "01", 7))
        self.assertEqual(user_of(PEER, OWN, table), 7)
        table = self.table((LOOPBACK_40000, LOOPBACK_8080, "01", 8))
        self.assertEqual(user_of(("::ffff:127.0.0.1", 40000), ("::ffff:127.0.0.1", 8080), table), 8)

    def test_version_6(self) -> None:
        one = "00000000000000000000000001000000"
        table = self.table((f"{one}:9C40", f"{one}:1F90", "01", 9))
        self.assertEqual(user_of(("::1", 40000), ("::1", 8080), table), 9)

    def test_where_there_is_no_table(self) -> None:
        self.assertIsNone(user_of(PEER, OWN, ("/nonexistent/tcp",)))

    def test_the_kernel_of_this_machine(self) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listening.close)
        client = socket.create_connection(listening.getsockname())
        self.addCleanup(client.close)
        peer, own = client.getsockname(), listening.getsockname()
        self.assertEqual(user_of(peer, own), os.getuid())
        self.assertIsNone(user_of(peer, (own[0], 1)))
        self.assertIsNone(user_of(("127.0.0.2", peer[1]), own))

    def test_loopback(self) -> None:
        for host in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
            self.assertTrue(is_loopback(host), host)
        for host in ("", "localhost", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "0.0.0.0", "::"):
            self.assertFalse(is_loopback(host), host)
