"""Certificates are always checked where there are any."""

from __future__ import annotations

import ssl

import pytest

from minions.network.timeouts import verification_for


@pytest.mark.parametrize("url", ["https://h.example/v1", "HTTPS://h.example", "h.example"])
def test_https_is_verified_in_full(url: str) -> None:
    """A cloud endpoint's certificate is checked against the machine's authorities."""
    assert verification_for(url) is True


def test_plain_http_trusts_no_certificate() -> None:
    """A plain endpoint that turns to TLS all the same is refused, not trusted blindly."""
    context = verification_for("http://127.0.0.1:1")
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.get_ca_certs() == []
