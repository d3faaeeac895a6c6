"""What must not be told: keys, passwords in URLs, and the forms in which they travel."""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

HIDDEN: Final = "***"
_SHORTEST: Final = 8  # placeholders such as ``none`` are words like others
_LOGIN: Final = re.compile(r"(?P<before>//|@).*@", re.DOTALL)  # too much rather than too little


def credentials_of(url: str, *keys: str | None) -> tuple[str, ...]:
    """The secrets of an endpoint, longest first: ``keys``, and in its URL the password and the values of a query, as
    they are written and as they are sent.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return ()
    query = (value for _, value in parse_qsl(parts.query))
    found = {*keys, parts.password, unquote(parts.password or ""), _basic(parts), *query}
    return tuple(
        sorted((one for one in found if one and len(one) >= _SHORTEST), key=len, reverse=True)
    )


def login_of(url: str) -> tuple[str, str]:
    """The URL without its login, and the login as a value of the header Authorization; empty for none. Raises
    ValueError where it is no URL.
    """
    parts = urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return bare, f"Basic {basic}" if (basic := _basic(parts)) else ""


def _basic(parts: SplitResult) -> str:
    if not parts.username and not parts.password:
        return ""
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return base64.b64encode(login.encode()).decode()


def without(text: str, credentials: tuple[str, ...]) -> str:
    """A text in which none of them stands."""
    for one in credentials:
        text = text.replace(one, HIDDEN)
    return text


def without_login(text: str) -> str:
    """Whatever was typed for a URL, without the user and password in it."""
    return _LOGIN.sub(rf"\g<before>{HIDDEN}@", text)
