"""Certificates are loaded for endpoints that need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl


def verification_for(url: str) -> ssl.SSLContext | bool:
    """The ``verify`` setting of an HTTP client: full for https. Plain http gets a context that trusts nobody.

    Loading the machine's certificates takes some 60 ms, which a server on this machine does not need.
    """
    if not url.lower().startswith("http://"):
        return True
    import ssl

    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
