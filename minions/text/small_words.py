"""Small words: articles, prepositions, pronouns, number words, units, names of months and days.

Each list serves one purpose, and the lists differ because the purposes do: a search may ignore
"not", a comparison of two answers may not. All words are in lower case.
"""

from __future__ import annotations

from typing import Final

# Words of every text: they are in each list below but `VALUE_STOPWORDS`.
_COMMONEST: Final = """
    a an and are as at be by for from in is it its no not of on or that the this to was were will
    with
"""
# Words of most texts: a search ignores them, and an answer may hold them.
_COMMON: Final = """
    about after all also any because been but can could did do does during each had has have he her
    his how if into more most only other out over she should so some such than their them then
    there these they those through under until up what when where which while who whose would
"""
_SEARCH_WORDS: Final = (
    "being doing having here him i me my once our own s t very we whom why you your"
)
_ANSWER_WORDS: Final = """
    above according approximately before below between both cannot case either equal every except
    exactly false given however including least less may must n neither none nothing off otherwise
    per same shall since stated total true unless upon whether within without yes yet
"""
_NUMBER_WORDS: Final = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety first
    second third fourth fifth once twice
"""
_UNITS: Final = """
    percent per cent thousand million millions billion billions trillion hundred dozen usd eur gbp
    chf jpy dollar dollars euro euros pound pounds second seconds minute minutes hour hours day
    days week weeks month months quarter quarters year years am pm mm cm km mg kg ml lb oz miles
    metres meters tons tonnes kwh mwh
"""
_MONTHS: Final = """
    january february march april may june july august september october november december
"""
_SHORT_MONTHS: Final = "jan feb mar apr may jun jul aug sep oct nov dec"
_WEEKDAYS: Final = "monday tuesday wednesday thursday friday saturday sunday"
_DATES: Final = f"{_MONTHS} {_SHORT_MONTHS} sept {_WEEKDAYS}"
_VALUE_WORDS: Final = """
    a an the of in at by on to is was are were about approximately within usd eur gbp
"""


def _words(*texts: str) -> frozenset[str]:
    return frozenset(" ".join(texts).split())


MONTH_ABBREVIATIONS: Final = tuple(_SHORT_MONTHS.split())
# Left out of a search query where other words remain.
SEARCH_STOPWORDS: Final = _words(_COMMONEST, _COMMON, _SEARCH_WORDS)
# Left out of an answer before its words are looked for in the lines that support it.
SUPPORT_STOPWORDS: Final = _words(_COMMONEST, "yes")
# Left out of an answer before it is compared with another: they do not change its value.
VALUE_STOPWORDS: Final = _words(_VALUE_WORDS)
# Sent in an answer under every policy: by themselves they reveal nothing of a document.
PLAIN_WORDS: Final = _words(_COMMONEST, _COMMON, _ANSWER_WORDS, _NUMBER_WORDS, _UNITS, _DATES)
