"""Answers that say in words that the documents do not say: "The reports do not state it." is no answer."""

from __future__ import annotations

import re
from typing import Final

_TEXTS: Final = (
    r"(?:documents?|texts?|passages?|findings?|sources?|excerpts?|context|materials?|corpus)"
)
_SOURCES: Final = (
    r"(?:documents?|texts?|passages?|findings?|sources?|excerpts?|context|materials?|corpus|reports?|contracts?"
    r"|agreements?|papers?|articles?|filings?|files?|records?|reviews?|sections?|lines?)"
)
_KNOWLEDGE: Final = r"(?:information|evidence|data)"  # that these indicate or cover nothing may be what a paper found
_HOW: Final = r"(?:explicitly |clearly |directly |specifically |actually |appear to |seem to )?"
_TOLD: Final = r"(?:mentioned|stated|specified|said|disclosed|reported|described|discussed|addressed|indicated)"
_SAY: Final = (
    r"(?:mention|state|say|specify|tell|answer|suffice"
    r"|(?:contain|include|provide|give|have|hold|offer)(?: \S+){0,4} (?:information|details?|answers?|mention|data))"
)
_TELL: Final = (
    rf"(?:{_SAY}|disclose|indicate|reveal|name|address|discuss|report|define"
    # what a report covers is a fact of its own: "The report does not cover Ireland."
    r"|cover(?:$| (?:this|that|it|these|them|the (?:question|topic|subject|matter)|what|how|who|when|where|why)\b))"
)
_FACTS: Final = r"(?:information|details?|answers?|mention|data)"
_WHERE: Final = (
    rf"(?:in|within|by|from|anywhere in|among)(?: \S+){{0,4}} (?:{_SOURCES}|{_KNOWLEDGE})"
)
_IN_TEXTS: Final = rf"(?:in|within|by|from|anywhere in|among)(?: \S+){{0,4}} {_TEXTS}"
_FIND: Final = (
    rf"find(?=$| (?:out|this|that|it|any|an answer|the (?:answer|information)|what|how|who|when|where|why)\b"
    rf"|.* {_IN_TEXTS}\b)"
)
_KNOW: Final = (
    r"(?:determined?|answer(?:ed)?|infer(?:red)?|derived?|establish(?:ed)?|calculated?|say|said|tell|told|found"
    rf"|{_FIND})"
)
_ABOUT: Final = r"(?:about|on|of|regarding|concerning|for|as to|to (?:answer|determine|say|tell))"
# "no information about customers is given", but not "no information about customers is shared"
_AT_HAND: Final = (
    r"(?:(?:is|was|were|are|can be|could be) )?(?:found|given|available|provided|at hand)"
    rf"(?:$| {_ABOUT}\b| {_WHERE}\b)"
)
_OF_WHAT: Final = rf"(?: {_ABOUT}(?: (?!(?:is|are|was|were|may|shall|will|must|can|could|has|have|had)\b)\S+){{0,20}})?"
# Who speaks of what a text does not say: "the minister said that the report does not mention him"
_ITS: Final = (
    r"(?:(?!(?:that|which|who|sa(?:id|ys?)|h[eo]lds?|argue[ds]?|claim(?:s|ed)?|found|ruled|noted)\b)"
    r"\S+ ){0,5}"
)
# "the information about reserves in the report of May does not specify", but not "the report of May says he does not"
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
    rf"{_NONE}(?:answer|information|mention|details?)(?:$| {_ABOUT}\b| {_AT_HAND}| {_WHERE}\b| that\b)",
    rf"{_NONE}data(?:$| {_AT_HAND}|.* {_IN_TEXTS}\b)",
    rf"{_TOO_LITTLE}(?:$| {_ABOUT}\b| to\b| {_AT_HAND}| {_WHERE}\b)",
    rf"(?:(?:it|this|that|the answer|the information) (?:is|was) )?not {_HOW}(?:{_TOLD}|given|provided|known|found)$",
    rf"(?:the answer is )?not {_WHERE}$",
    rf".*\b(?:is|are|was|were) not {_HOW}(?:mentioned|stated|specified)$",
    rf"not {_HOW}(?:{_TOLD}|known|found|available) {_WHERE}\b",
    rf"not {_HOW}(?:given|provided|included|listed|named) {_IN_TEXTS}$",
    rf".*\b(?:is|are|was|were) not {_HOW}{_TOLD} {_WHERE}\b",
    rf".*\b(?:is|are|was|were) not {_HOW}(?:given|provided) {_IN_TEXTS}\b",
    rf"{_ITS}{_SOURCES}{_OF_IT} (?:(?:do|does|did) not|never) {_HOW}{_TELL}\b",
    rf"{_ITS}{_KNOWLEDGE}{_OF_IT} (?:(?:do|does|did) not|never) {_HOW}{_SAY}\b",
    rf"{_ITS}{_SOURCES}{_OF_IT} (?:contain|include|provide|give|have|hold|offer)s? no (?:\S+ )?{_FACTS}\b",
    rf"(?:none|neither|nothing) (?:of|in) (?:\S+ ){{0,4}}{_SOURCES} {_HOW}{_TELL}s?\b",
    rf"no {_SOURCES} {_HOW}{_TELL}s?\b",
    rf"(?:(?:it|this|that|the (?:answer|question)) )?can not be {_HOW}{_KNOW}(?:$| .*\b{_WHERE}\b)",
    rf".*\bcan not be {_HOW}{_KNOW} {_WHERE}\b",
    rf"(?:it is |this is )?(?:not possible|impossible) to {_KNOW}\b",
    rf"i (?:do not know|(?:can|could) not {_KNOW}|am unable to {_KNOW})\b",
    rf"(?:unable to|can not) {_KNOW}\b",
)
_LEAD: Final = r"(?:(?:sorry|unfortunately|based on|according to|from|in|given)\b[^,.]*, )?"
_ABSENT: Final = re.compile(f"{_LEAD}(?:{'|'.join(_FORMS)})")
_VERDICT: Final = re.compile(r"(?:yes|no)(?:$|[,.;:]| [-\u2013\u2014])")
_LONGEST: Final = 400  # characters of a sentence that says no more than that
_CONTRAST: Final = re.compile(
    r"\b(?:but|however|although|though|except|other than)\b|, (?:so|thus|therefore|hence)\b(?!.*\bcan not\b)"
)
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+")
_DIGIT: Final = re.compile(r"\d")


def says_nothing(answer: str) -> bool:
    """Whether an answer says that the documents hold none, and nothing else.

    "No." and "None" are answers. So is what goes on with a fact: a number in a later sentence, or a "but" in the first.
    """
    words = (
        answer.casefold()
        .replace("\u2019", "'")
        .replace("cannot", "can not")
        .replace("can't", "can not")
    )
    first, *rest = _SENTENCE.split(" ".join(words.replace("n't", " not").split())) or [""]
    if len(first) > _LONGEST or _VERDICT.match(first) or _CONTRAST.search(first):
        return False
    return bool(_ABSENT.match(first.rstrip(".!"))) and not any(
        _DIGIT.search(sentence) for sentence in rest
    )
