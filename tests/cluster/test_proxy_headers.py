from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.trial.unittest import TestCase
from twisted.web.http_headers import Headers

from wingthing.cluster.proxy_headers import is_websocket, to_client, to_login

PEER = IPv4Address("TCP", "172.16.0.1", 1234)
FLY = {"Fly-Client-IP": "198.51.100.4", "Fly-Forwarded-Port": "443"}


def headers(**named: str | list[str]) -> Headers:
    return Headers(
        {
            name.replace("_", "-"): [value] if isinstance(value, str) else value
            for name, value in named.items()
        }
    )


def passed(sent: Headers, peer: IAddress = PEER) -> dict[str, list[str]]:
    """What login gets, by name in lower case."""
    got = to_login(sent, peer=peer, edge_token="token")
    return {
        name.decode().lower(): [value.decode("latin-1") for value in values]
        for name, values in got.getAllRawHeaders()
    }


class ToLoginTests(TestCase):
    def test_what_passes(self) -> None:
        kept = {
            "host": ["edge.example"],
            "cookie": ["a=b; c=d"],
            "authorization": ["Bearer x"],
            "origin": ["https://edge.example"],
            "accept": ["a", "b"],
            "accept-encoding": ["gzip, br"],
            "content-type": ["text/plain; charset=x"],
            "content-encoding": ["gzip"],
            "range": ["bytes=0-1"],
            "if-none-match": ['"x"'],
            "x-real-ip": ["1.2.3.4"],
            "stripe-signature": ["t=1,v1=ab"],
            "x-own": ["caf\xe9"],
        }
        got = passed(Headers({name: [v.encode("latin-1") for v in values] for name, values in kept.items()}))
        self.assertEqual({name: got[name] for name in kept}, kept)
        self.assertEqual(
            set(got) - set(kept),
            {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "wingthing-edge"},
        )

    def test_what_does_not(self) -> None:
        for name in (
            "Connection",
            "Keep-Alive",
            "Proxy-Connection",
            "Proxy-Authorization",
            "Proxy-Anything",
            "TE",
            "Trailer",
            "Transfer-Encoding",
            "Upgrade",
            "Content-Length",
            "Expect",
            "Forwarded",
            "X-Forwarded-Port",
            "X-Forwarded-Ssl",
            "X-Forwarded-Prefix",
            "Fly-Client-IP",
            "Fly-Forwarded-Port",
            "Fly-Region",
            "Fly-Replay-Src",
            "fly-anything",
            "Wingthing-Node",
        ):
            self.assertNotIn(name.lower(), passed(headers(Host="h", **{name.replace("-", "_"): "1"})), name)

    def test_what_the_connection_header_names(self) -> None:
        got = passed(headers(Host="h", Connection=["close, X-A", " x-b ,,"], X_A="1", X_B="2", X_C="3"))
        self.assertEqual(set(got) & {"x-a", "x-b", "x-c"}, {"x-c"})

    def test_it_cannot_name_away_what_the_edge_says(self) -> None:
        said = "host, x-forwarded-for, x-forwarded-proto, x-forwarded-host, wingthing-edge"
        got = passed(headers(Host="h", Connection=said))
        self.assertEqual(got["host"], ["h"])
        self.assertEqual(got["x-forwarded-for"], ["172.16.0.1"])
        self.assertEqual(got["wingthing-edge"], ["token"])

    def test_nor_the_headers_by_which_fly_is_known(self) -> None:
        got = passed(
            Headers({**{k: [v] for k, v in FLY.items()}, "Connection": ["fly-client-ip"], "Host": ["h"]})
        )
        self.assertEqual(got["x-forwarded-for"], ["198.51.100.4"])

    def test_a_clients_word_about_itself_is_replaced(self) -> None:
        got = passed(
            headers(
                Host="h",
                X_Forwarded_For=["6.6.6.6", "7.7.7.7"],
                X_Forwarded_Proto="https",
                X_Forwarded_Host="evil.example",
                Wingthing_Edge=["forged", "twice"],
            )
        )
        self.assertEqual(got["x-forwarded-for"], ["172.16.0.1"])
        self.assertEqual(got["x-forwarded-proto"], ["http"])
        self.assertEqual(got["x-forwarded-host"], ["h"])
        self.assertEqual(got["wingthing-edge"], ["token"])


class ForwardedTests(TestCase):
    """(headers, X-Forwarded-For, X-Forwarded-Proto)"""

    def assertForwarded(self, sent: dict[str, str | list[str]], client: str, scheme: str) -> None:
        raw = {name: [value] if isinstance(value, str) else value for name, value in sent.items()}
        got = passed(Headers({"Host": ["h"], **raw}))
        self.assertEqual((got["x-forwarded-for"], got["x-forwarded-proto"]), ([client], [scheme]), sent)

    def test_through_flys_proxy(self) -> None:
        for said, scheme in (
            ("https", "https"),
            ("http", "http"),
            ("HTTPS", "https"),
            ("http, https", "https"),
            ("https,http ", "http"),
            (["https", "http"], "http"),
            ("gopher", "http"),
            ("https, gopher", "http"),
            ("", "http"),
        ):
            self.assertForwarded({**FLY, "X-Forwarded-Proto": said}, "198.51.100.4", scheme)
        self.assertForwarded({**FLY, "X-Forwarded-For": "6.6.6.6, 198.51.100.4"}, "198.51.100.4", "http")

    def test_both_headers_belong_to_it(self) -> None:
        for name in FLY:
            self.assertForwarded({name: FLY[name], "X-Forwarded-Proto": "https"}, "172.16.0.1", "http")

    def test_the_last_of_several_is_flys(self) -> None:
        self.assertForwarded({**FLY, "Fly-Client-IP": ["6.6.6.6", "2001:db8::1"]}, "2001:db8::1", "http")

    def test_what_is_no_address_is_not_believed(self) -> None:
        for said in ("", "evil", "1.2.3.4, 5.6.7.8", "1.2.3.4:80", "<script>", "127.1"):
            self.assertForwarded({**FLY, "Fly-Client-IP": said}, "172.16.0.1", "http")

    def test_other_peers(self) -> None:
        for peer, client in (
            (IPv6Address("TCP", "fdaa::3", 1), "fdaa::3"),
            (IPv6Address("TCP", "::ffff:10.1.2.3", 1), "10.1.2.3"),
            (IPv6Address("TCP", "FDAA:0::03", 1), "fdaa::3"),
            (UNIXAddress(b"/run/x"), "unknown"),
        ):
            self.assertEqual(passed(headers(Host="h"), peer)["x-forwarded-for"], [client])

    def test_a_machine_of_the_private_network_is_not_flys_proxy(self) -> None:
        sent = Headers({"Host": ["h"], "X-Forwarded-Proto": ["https"], **{k: [v] for k, v in FLY.items()}})
        got = passed(sent, IPv6Address("TCP", "fdaa::3", 1))
        self.assertEqual((got["x-forwarded-for"], got["x-forwarded-proto"]), (["fdaa::3"], ["http"]))


class ToClientTests(TestCase):
    def test_order_and_number_of_values(self) -> None:
        sent = Headers({"Set-Cookie": ["b=1", "a=2"], "X": ["1"]})
        self.assertIn((b"Set-Cookie", [b"b=1", b"a=2"]), to_client(sent, (), None))

    def test_what_is_login_s_connections_own(self) -> None:
        sent = headers(
            X_Hop="1", Keep_Alive="x", Proxy_Authenticate="x", Trailer="y", TE="z", Upgrade="h2c", X="1"
        )
        self.assertEqual(to_client(sent, [b"close, x-hop"], None), [(b"X", [b"1"])])

    def test_the_length(self) -> None:
        self.assertEqual(to_client(Headers(), (), 0), [(b"Content-Length", [b"0"])])
        self.assertEqual(to_client(headers(Content_Length="7"), (), None), [(b"Content-Length", [b"7"])])
        self.assertEqual(to_client(headers(Content_Length="7"), (), 8), [(b"Content-Length", [b"8"])])


class WebSocketTests(TestCase):
    def test_upgrades(self) -> None:
        for value in ("websocket", "WebSocket", "h2c, websocket", ["h2c", " websocket "]):
            self.assertTrue(is_websocket(headers(Upgrade=value)), value)
        for value in ("h2c", "", "websockets", "not-websocket"):
            self.assertFalse(is_websocket(headers(Upgrade=value)), value)
        self.assertFalse(is_websocket(Headers()))
