"""Finds keys and passwords.

They have a known form, or are given to a name such as "password", or are too random to be words.
"""

from __future__ import annotations

import itertools
import math
import re
import string
from collections import Counter
from typing import TYPE_CHECKING

from minions.redaction.detectors.spans import Rule, Sensitive, anchored, places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from minions.redaction.detectors.spans import View

KIND = "SECRET"
_BODY = r"[A-Za-z0-9_\-]"


def _key(prefix: str, body: str) -> Rule:
    """A key that begins with ``prefix``, as its issuer writes it."""
    return Rule(KIND, (prefix.lower(),), re.compile(rf"{re.escape(prefix)}{body}(?![A-Za-z0-9])"))


_KEYS = (
    *(_key(prefix, r"[A-Z0-9]{16}") for prefix in ("AKIA", "ASIA", "AROA", "AIDA")),
    *(_key(f"gh{kind}_", r"[A-Za-z0-9]{30,255}") for kind in "pousr"),
    _key("github_pat_", r"\w{30,255}"),
    _key("glpat-", rf"{_BODY}{{20,64}}"),
    *(_key(f"xox{kind}-", r"[A-Za-z0-9\-]{10,250}") for kind in "abeprs"),
    _key("xapp-", r"[A-Za-z0-9\-]{10,250}"),
    *(
        _key(prefix, r"[A-Za-z0-9]{16,250}")
        for prefix in ("sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_")
    ),
    _key("sk-", rf"{_BODY}{{20,250}}"),
    _key("AIza", rf"{_BODY}{{30,40}}"),
    _key("ya29.", rf"{_BODY}{{20,250}}"),
    _key("npm_", r"[A-Za-z0-9]{30,64}"),
    _key("pypi-", rf"{_BODY}{{16,250}}"),
    _key("hf_", r"[A-Za-z0-9]{30,64}"),
    _key("SG.", rf"{_BODY}{{16,64}}\.{_BODY}{{16,64}}"),
    _key("dop_v1_", r"[a-f0-9]{64}"),
    _key("shpat_", r"[a-fA-F0-9]{32}"),
    _key("hvs.", rf"{_BODY}{{20,250}}"),
    _key("AGE-SECRET-KEY-1", r"[A-Z0-9]{50,64}"),
    _key("eyJ", rf"{_BODY}{{8,4000}}\.{_BODY}{{4,4000}}(?:\.{_BODY}{{0,4000}})?"),
)
_PEM = re.compile(r"-----BEGIN (?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----[^-]{0,20000}")
_PEM_END = re.compile("-----END [A-Z0-9 ]{0,40}-----")
_LONGEST_PEM = 20_000
_LOGIN = re.compile(r"[^\s:/@]{1,128}:[^\s/@]{1,256}@[^\s/:?#\"'<>]{1,253}")
_NAMES = (
    "password",
    "passwd",
    "passwort",
    "kennwort",
    "passphrase",
    "pwd",
    "contrase\u00f1a",
    "mot de passe",
    "senha",
    "wachtwoord",
    "passcode",
)
_TOKENS = (
    "secret",
    "token",
    "api key",
    "apikey",
    "api_key",
    "api-key",
    "access key",
    "access_key",
    "accesskey",
    "private key",
    "private_key",
    "auth_token",
    "authtoken",
    "credential",
    "client_secret",
    "signing key",
    "wifi key",
    "wi-fi key",
    "network key",
    "encryption key",
    "license key",
    "licence key",
    "master key",
)
_GIVEN = r"[\w\-]{0,12}[\"']?[ ]{0,2}(?:(?:ist|is|lautet|est|es)[ :]|=>|[:=]{1,2})[ ]{0,2}"
_QUOTED = r"(?P<q>[\"'])?(?P<value>(?(q)[^\"'\n]{4,256}(?=(?P=q))|[^\s\"']{4,256}))"
# Values that are no passwords: empty ones, placeholders, references of a program.
_TAKEN = re.compile(
    r"(?i)(?:none|null|true|false|undefined|required|optional|string|str|int|secret|password"
    r"|changeme_?|example|redacted|hidden|masked|x{3,}|\*{3,}|\.{3,}"
    r"|your[\w\-]*|my[\-_]?(?:password|secret|token)"
    r"|<[\w\-]*>?|\$[{(].*|\$[A-Z_]+|%[(\w]\w*[)%]?s?"
    r"|\{[\w.\-]*\}?|\{\{.*|\[\w*\]?|\[[A-Z]+_\d+\].*|\([\w\-]*\)?|https?:.*"
    r"|(?:os|self|settings|config|process|env)\b.*)"
)
_CODE = re.compile(r"\w\(|[\w\]]\.[a-z_]+\(|\[\w*\]")
_WORD = re.compile("[A-Za-z]?[a-z]{4,}|[A-Z]{5,}")
# Signs that end a sentence, as a rule: with one, a password would not be recognised elsewhere.
_ENDS = ".,;)"
_SHORTEST_PASSWORD = 4
_SHORTEST_TOKEN = 12
_SHORTEST_MIXED = 16


def _is_password(value: str) -> bool:
    """True if a value can be a password: no placeholder, no call, no plain word."""
    plain = value.rstrip(_ENDS)
    if len(plain) < _SHORTEST_PASSWORD:
        return False
    if plain.isalpha() and (plain.islower() or plain.istitle()):
        return False
    return not _TAKEN.fullmatch(plain) and not _CODE.search(plain)


def _is_token(value: str) -> bool:
    """True if a value can be a token or key: long, and of digits or mixed case."""
    if len(value) < _SHORTEST_TOKEN:
        return False
    numbered = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    one_case = value.islower() or value.isupper()
    mixed = len(value) >= _SHORTEST_MIXED and not one_case and not _wordy(value)
    return (numbered or mixed) and _is_password(value)


def _wordy(token: str) -> bool:
    """True if a token is mostly made of words, like the names of files or of variables in code."""
    return sum(map(len, _WORD.findall(token))) > len(token) / 2


_RULES = (
    Rule(
        KIND,
        _NAMES,
        re.compile(rf"[^\W\d_]{{3,12}}(?: de passe)?{_GIVEN}{_QUOTED}"),
        _is_password,
        inside_words=True,
    ),
    Rule(
        KIND,
        ("pass:", "pass=", "pass :", "pass ="),
        re.compile(rf"(?i:pass)[ ]?[:=][ ]{{0,2}}{_QUOTED}"),
        _is_password,
    ),
    Rule(
        KIND,
        ("pin",),
        re.compile(
            r"(?i:pin)(?i:[ \-]?(?:code|number|nummer|no\.?))?[\"']?[ ]?[:=][ ]?[\"']?"
            r"(?P<value>[0-9]{4,8})(?![0-9]|[.,][0-9])"
        ),
    ),
    Rule(
        KIND,
        ("hooks.slack.com",),
        re.compile(r"hooks\.slack\.com/services/(?P<value>[\w/\-]{20,120})"),
    ),
    Rule(
        KIND,
        ("sshpass", "mysql"),
        re.compile(r"(?:sshpass|mysql\w{0,6})[^\n]{0,60}?[ ]-p[ ]?[\"']?(?P<value>[^\s\"']{4,64})"),
        _is_password,
    ),
    Rule(
        KIND,
        _TOKENS,
        re.compile(rf"(?i:[a-z]{{3,10}}[ _\-]?(?:key|token|secret)?){_GIVEN}{_QUOTED}"),
        _is_token,
        inside_words=True,
    ),
    Rule(
        KIND,
        ("bearer ", "basic ", "token "),
        re.compile(r"(?i:bearer|basic|token) {1,2}(?P<value>[A-Za-z0-9_\-.=+/~]{16,4000})"),
        _is_token,
    ),
)
_RANDOM = re.compile(
    r"[A-Za-z0-9+_](?<![A-Za-z0-9+_/.\-\\%].)[A-Za-z0-9+/_\-]{18,255}[A-Za-z0-9+/_\-=]{1,3}"
    r"(?![A-Za-z0-9+/_\-.=])"
)
# The class of a character: d for a digit, u for a capital, l for a small letter, - for a sign.
_KINDS = str.maketrans(
    string.digits + string.ascii_uppercase + string.ascii_lowercase + "+/_-=",
    "d" * 10 + "u" * 26 + "l" * 26 + "-" * 5,
)
_LEAST_BITS = 0.8  # share of the entropy that a token of its length could have
_LEAST_CHANGES = 0.25  # share of neighbours that are of different classes


def find(view: View) -> Iterator[Sensitive]:
    """The keys and passwords of a text."""
    yield from anchored(view, _KEYS)
    for given in anchored(view, _RULES):
        value = view.text[given.start : given.end].rstrip(_ENDS)
        yield given._replace(end=given.start + len(value))
    for place in places(view, "-----begin"):
        first_line = _PEM.match(view.text, place)
        if first_line:
            # Without its last line, a private key ends with what can be recognised of it.
            last_line = view.text.find("-----END", place, place + _LONGEST_PEM)
            closed = _PEM_END.match(view.text, last_line) if last_line >= 0 else None
            yield Sensitive(KIND, place, (closed or first_line).end())
    for place in places(view, "://"):
        login = _LOGIN.match(view.text, place + 3)
        if login:
            yield Sensitive(KIND, *login.span())
    for found in _RANDOM.finditer(view.text):
        if _is_random(found[0]):
            yield Sensitive(KIND, *found.span())


def _is_random(token: str) -> bool:
    """True if a token looks random, by its entropy and its mix of letters, capitals and digits."""
    body = token.rstrip("=")
    kinds = body.translate(_KINDS)
    if not {"d", "u", "l"} <= set(kinds) or kinds.count("-") > len(body) / 8 or _wordy(body):
        return False
    bits = 0.0
    for count in Counter(body).values():
        share = count / len(body)
        bits -= share * math.log2(share)
    changes = 0
    for before, after in itertools.pairwise(kinds):
        changes += before != after
    return (
        bits >= _LEAST_BITS * math.log2(len(body)) and changes / (len(kinds) - 1) >= _LEAST_CHANGES
    )
