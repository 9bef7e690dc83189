"""Where a webhook may go, how it is signed, and when it is tried again."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

from app.domain.webhooks import may_be_called, secret_of, signature, tried_again_after, url_problem

NOT_PUBLIC = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1", "192.0.0.8", "::", "::1", "fe80::1", "fc00::1",
    "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::", "2002:a00:1::1", "fec0::1",
)  # fmt: skip
PUBLIC = ("93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822")


def test_only_public_addresses_are_called_and_what_carries_another_is_as_good_as_that() -> None:
    assert [one for one in NOT_PUBLIC if may_be_called(ip_address(one))] == []
    assert [one for one in PUBLIC if not may_be_called(ip_address(one))] == []
    allowed = [ip_network("10.1.0.0/16"), ip_network("fc00::/64")]
    known = [one for one in NOT_PUBLIC if may_be_called(ip_address(one), allowed)]
    assert known == ["10.1.2.3", "fc00::1"]
    assert may_be_called(ip_address("::ffff:10.1.2.3"), allowed)


def test_an_address_to_send_to_is_https_and_holds_no_password() -> None:
    good = ("https://police.example/hook", "https://police.example:8443/", "https://police.example?a=b")
    assert [one for one in good if url_problem(one)] == []
    bad = (
        "", "http://police.example/", "ftp://police.example", "https://", "https:///hook", "https://a b/",
        "https://u:p@police.example/", "https://police.example/#x", "https://police.example:0/", "https://[::1/",
        "https://police.example:99999/", "//police.example/", "https://police.example/" + "x" * 500,
    )  # fmt: skip
    assert [one for one in bad if not url_problem(one)] == []


def test_a_signature_covers_moment_and_body_and_a_secret_is_made_anew() -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    secret = secret_of("key", "hook", "salt")
    assert (
        len({secret, *(secret_of(*one) for one in (("k", "hook", "salt"), ("key", "h", "salt"), ("key", "hook", "s")))})
        == 4
    )
    said = signature(secret, b"{}", at=at)
    assert said.startswith("t=1772442000,v1=")
    others = (
        signature("x", b"{}", at=at),
        signature(secret, b"{ }", at=at),
        signature(secret, b"{}", at=at + timedelta(1)),
    )
    assert said not in others


def test_the_waits_grow_and_end() -> None:
    waits = [tried_again_after(attempts) for attempts in range(1, 9)]
    found = [wait for wait in waits if wait is not None]
    assert waits[-1] is None
    assert found == sorted(found)
    assert (len(found), found[0], found[-1]) == (7, timedelta(minutes=1), timedelta(hours=12))
