"""Addresses as a person types them."""

from pathlib import Path

import pytest

from engine.errors import BadInput
from engine.events.sources import Address, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.7:9000", Address("10.0.0.7", 9000)),
        ("robot.local", Address("robot.local", 7777)),
        (":9000", Address("127.0.0.1", 9000)),
        ("[::1]:9000", Address("::1", 9000)),
        ("::1", Address("::1", 7777)),
        (" unix:/tmp/events ", Address(path=Path("/tmp/events"))),
    ],
)
def test_addresses_are_read_and_written_back(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize("text", ["", "unix:", "host:port", "host:70000", "host:-1", "unix:/" + "x" * 200])
def test_nonsense_is_a_sentence(text: str) -> None:
    with pytest.raises(BadInput):
        parse_address(text)
