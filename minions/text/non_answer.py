"""Recognise answers that only say that the documents hold no answer.

An example is "The reports do not state it."
"""

from __future__ import annotations

import re
from typing import Final

_TEXTS: Final = (
    r"(?:documents?|texts?|passages?|findings?|sources?|excerpts?|context|materials?|corpus)"
)
_SOURCES: Final = (
    r"(?:documents?|texts?|passages?|findings?|sources?|excerpts?|context|materials?|corpus"
    r"|reports?|contracts?|agreements?|papers?|articles?|filings?|files?|records?"
    r"|reviews?|sections?|lines?)"
)
# A paper may have found that data indicate nothing, so these words take fewer verbs than a
# document.
_KNOWLEDGE: Final = r"(?:information|evidence|data)"
_ADVERB: Final = r"(?:explicitly |clearly |directly |specifically |actually |appear to |seem to )?"
_STATED: Final = (
    r"(?:mentioned|stated|specified|said|disclosed|reported|described|discussed|addressed"
    r"|indicated)"
)
_SAY: Final = (
    r"(?:mention|state|say|specify|tell|answer|suffice"
    r"|(?:contain|include|provide|give|have|hold|offer)(?: \S+){0,4}"
    r" (?:information|details?|answers?|mention|data))"
)
_TELL: Final = (
    rf"(?:{_SAY}|disclose|indicate|reveal|name|address|discuss|report|define"
    # The scope of a report is a fact of its own: "The report does not cover Ireland."
    r"|cover(?:$| (?:this|that|it|these|them|the (?:question|topic|subject|matter)"
    r"|what|how|who|when|where|why)\b))"
)
_FACTS: Final = r"(?:information|details?|answers?|mention|data)"
_WHERE: Final = (
    rf"(?:in|within|by|from|anywhere in|among)(?: \S+){{0,4}} (?:{_SOURCES}|{_KNOWLEDGE})"
)
_IN_TEXTS: Final = rf"(?:in|within|by|from|anywhere in|among)(?: \S+){{0,4}} {_TEXTS}"
_FIND: Final = (
    r"find(?=$| (?:out|this|that|it|any|an answer|the (?:answer|information)"
    r"|what|how|who|when|where|why)\b"
    rf"|.* {_IN_TEXTS}\b)"
)
_KNOW: Final = (
    r"(?:determined?|answer(?:ed)?|infer(?:red)?|derived?|establish(?:ed)?|calculated?"
    rf"|say|said|tell|told|found|{_FIND})"
)
_ABOUT: Final = r"(?:about|on|of|regarding|concerning|for|as to|to (?:answer|determine|say|tell))"
# It matches "no information about customers is given", but not "... is shared".
_AT_HAND: Final = (
    r"(?:(?:is|was|were|are|can be|could be) )?(?:found|given|available|provided|at hand)"
    rf"(?:$| {_ABOUT}\b| {_WHERE}\b)"
)
_OF_WHAT: Final = (
    rf"(?: {_ABOUT}"
    r"(?: (?!(?:is|are|was|were|may|shall|will|must|can|could|has|have|had)\b)\S+){0,20})?"
)
# It stops at words of another speaker: "the minister said that the report does not mention him".
_ITS: Final = (
    r"(?:(?!(?:that|which|who|sa(?:id|ys?)|h[eo]lds?|argue[ds]?|claim(?:s|ed)?"
    r"|found|ruled|noted)\b)\S+ ){0,5}"
)
# It matches "the information about reserves in the report of May does not specify", but not "the
# report of May says he does not".
_OF_IT: Final = (
    r"(?: (?:about|in|of|on|for|from|provided|given|available)"
    r"(?: (?!that|which|who|shows?|says?|states?)\S+){0,10})?"
)
_NONE: Final = r"there (?:is|was) (?:no|not any) (?:specific |explicit |relevant )?"
_TOO_LITTLE: Final = (
    r"(?:there (?:is|was) )?(?:not enough|insufficient) (?:information|data|details?)"
)
_FORMS: Final = (
    r"(?:the answer is |it is |this is )?(?:unknown|unanswerable|not answerable|n/a)$",
    rf"no (?:answer|information|mention)(?:{_OF_WHAT}$|{_OF_WHAT} {_AT_HAND}| {_IN_TEXTS}\b)",
    (
        rf"{_NONE}(?:answer|information|mention|details?)"
        rf"(?:$| {_ABOUT}\b| {_AT_HAND}| {_WHERE}\b| that\b)"
    ),
    rf"{_NONE}data(?:$| {_AT_HAND}|.* {_IN_TEXTS}\b)",
    rf"{_TOO_LITTLE}(?:$| {_ABOUT}\b| to\b| {_AT_HAND}| {_WHERE}\b)",
    (
        r"(?:(?:it|this|that|the answer|the information) (?:is|was) )?"
        rf"not {_ADVERB}(?:{_STATED}|given|provided|known|found)$"
    ),
    rf"(?:the answer is )?not {_WHERE}$",
    rf".*\b(?:is|are|was|were) not {_ADVERB}(?:mentioned|stated|specified)$",
    rf"not {_ADVERB}(?:{_STATED}|known|found|available) {_WHERE}\b",
    rf"not {_ADVERB}(?:given|provided|included|listed|named) {_IN_TEXTS}$",
    rf".*\b(?:is|are|was|were) not {_ADVERB}{_STATED} {_WHERE}\b",
    rf".*\b(?:is|are|was|were) not {_ADVERB}(?:given|provided) {_IN_TEXTS}\b",
    rf"{_ITS}{_SOURCES}{_OF_IT} (?:(?:do|does|did) not|never) {_ADVERB}{_TELL}\b",
    rf"{_ITS}{_KNOWLEDGE}{_OF_IT} (?:(?:do|does|did) not|never) {_ADVERB}{_SAY}\b",
    (
        rf"{_ITS}{_SOURCES}{_OF_IT} (?:contain|include|provide|give|have|hold|offer)s?"
        rf" no (?:\S+ )?{_FACTS}\b"
    ),
    rf"(?:none|neither|nothing) (?:of|in) (?:\S+ ){{0,4}}{_SOURCES} {_ADVERB}{_TELL}s?\b",
    rf"no {_SOURCES} {_ADVERB}{_TELL}s?\b",
    (
        r"(?:(?:it|this|that|the (?:answer|question)) )?"
        rf"can not be {_ADVERB}{_KNOW}(?:$| .*\b{_WHERE}\b)"
    ),
    rf".*\bcan not be {_ADVERB}{_KNOW} {_WHERE}\b",
    rf"(?:it is |this is )?(?:not possible|impossible) to {_KNOW}\b",
    rf"i (?:do not know|(?:can|could) not {_KNOW}|am unable to {_KNOW})\b",
    rf"(?:unable to|can not) {_KNOW}\b",
)
_LEAD: Final = r"(?:(?:sorry|unfortunately|based on|according to|from|in|given)\b[^,.]*, )?"
_ABSENT: Final = re.compile(f"{_LEAD}(?:{'|'.join(_FORMS)})")
_VERDICT: Final = re.compile(r"(?:yes|no)(?:$|[,.;:]| [-\u2013\u2014])")
_LONGEST: Final = 400  # characters; a longer sentence says more than that
_CONTRAST: Final = re.compile(
    r"\b(?:but|however|although|though|except|other than)\b"
    r"|, (?:so|thus|therefore|hence)\b(?!.*\bcan not\b)"
)
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+")
_DIGIT: Final = re.compile(r"\d")
_CONTRACTIONS: Final = (("cannot", "can not"), ("can't", "can not"), ("n't", " not"))


def says_nothing(answer: str) -> bool:
    """Return whether an answer only says that the documents hold no answer.

    "No." and "None" are answers. So is a reply that goes on with a fact: with a "but" in the first
    sentence, or a number in a later one.
    """
    words = answer.casefold().replace("\u2019", "'")
    for contraction, full in _CONTRACTIONS:
        words = words.replace(contraction, full)
    first, *rest = _SENTENCE.split(" ".join(words.split()))
    if len(first) > _LONGEST or _VERDICT.match(first) or _CONTRAST.search(first):
        return False
    if not _ABSENT.match(first.rstrip(".!")):
        return False
    return not any(_DIGIT.search(sentence) for sentence in rest)
