"""Find and hide secrets in URLs and messages: keys, passwords, and their encoded forms."""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

HIDDEN: Final = "***"
_SHORTEST: Final = 8  # a shorter value, such as the placeholder "none", is an ordinary word
_LOGIN: Final = re.compile(r"(?P<before>//|@).*@", re.DOTALL)  # rather too much than too little


def credentials_of(url: str, *keys: str | None) -> tuple[str, ...]:
    """Return the secrets of an endpoint, longest first.

    These are ``keys``, the password in the URL and the values of its query, in each form in which
    they are written or sent.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return ()
    found = {*keys, parts.password, unquote(parts.password or ""), _basic(parts)}
    for _, value in parse_qsl(parts.query):
        found.add(value)
    secrets = [value for value in found if value and len(value) >= _SHORTEST]
    return tuple(sorted(secrets, key=len, reverse=True))


def login_of(url: str) -> tuple[str, str]:
    """Split a URL into the URL without its login, and a value for the header Authorization.

    The header's value is empty for a URL without a login. Raises ValueError where ``url`` is no
    URL.
    """
    parts = urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    basic = _basic(parts)
    if not basic:
        return bare, ""
    return bare, f"Basic {basic}"


def _basic(parts: SplitResult) -> str:
    """Return the login encoded for HTTP Basic authentication (RFC 7617); empty without a login."""
    if not parts.username and not parts.password:
        return ""
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return base64.b64encode(login.encode()).decode()


def without(text: str, credentials: tuple[str, ...]) -> str:
    """Return ``text`` with each of the secrets replaced by ``***``."""
    for secret in credentials:
        text = text.replace(secret, HIDDEN)
    return text


def without_login(text: str) -> str:
    """Return text typed as a URL, with any user and password replaced by ``***``."""
    return _LOGIN.sub(rf"\g<before>{HIDDEN}@", text)
