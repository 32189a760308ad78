"""Addresses on the web: which are read, and which of the machines they lead to may be asked."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maos_flows.addresses import literal_address, read_url, refusal_of

PRIVATE = [
    *("127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("100.100.100.200", "192.0.0.192", "198.18.0.1", "192.0.2.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254"),
    *("::7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2001::1", "2002:7f00:1::", "2001:db8::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_on_the_public_internet_is_refused_unless_allowed(address):
    """A9, A10."""
    assert refusal_of(address, allow_private=False)
    assert refusal_of(address, allow_private=True) is None


@pytest.mark.parametrize("address", ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
def test_what_is_on_the_public_internet_is_allowed(address):
    assert refusal_of(address, allow_private=False) is None


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0", "fe80::1%", "no address"]
)
def test_what_is_no_machines_address_is_never_allowed(address):
    assert refusal_of(address, allow_private=True)


@given(st.ip_addresses())
def test_nothing_private_in_pythons_eyes_is_ever_allowed(address):
    allowed = refusal_of(str(address), allow_private=False) is None

    assert not (allowed and (address.is_private or address.is_loopback or address.is_link_local))


@given(st.ip_addresses(v=4))
def test_an_address_within_another_is_judged_like_itself(address):
    mapped = str(ipaddress.IPv6Address(f"::ffff:{address}"))

    assert (refusal_of(mapped, allow_private=False) is None) == (refusal_of(str(address), allow_private=False) is None)


@pytest.mark.parametrize("text", ["http://a.example/", "https://a.example:8443/b?c=d", " http://[::1]/x ", "HTTP://a/"])
def test_an_address_is_read(text):
    assert read_url(text) == text.strip()


@pytest.mark.parametrize(
    "value",
    [
        *(None, 7, "", "a.example", "ftp://a.example/", "file:///etc/passwd", "gopher://a/", "http://", "http:///x"),
        *("http://me:secret@a.example/", "http://me@a.example/", "http://a.example/#part", "http://a.example:0/"),
        *("http://a.example:99999/", "http://a.example/ b", "http://a\\b/", "http://a\n.example/", "http://[::1/"),
        f"http://a.example/{'x' * 3000}",
    ],
    ids=repr,
)
def test_what_is_no_address_is_refused(value):
    with pytest.raises(ValueError):
        read_url(value)


def test_only_an_address_in_its_usual_form_is_taken_for_one():
    assert literal_address("127.0.0.1") == "127.0.0.1"
    assert literal_address("2130706433") is None
    assert literal_address("localhost") is None
