"""Finds people and organisations with presidio and a language model of spaCy: an optional extra.

Nothing is downloaded: presidio would fetch a missing model, so it gets only the name of an
installed model. Names are read by statistics, in the language of the model; a name it overlooks is
sent.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from minions.errors import ConfigError
from minions.redaction.detectors.spans import Detector, Sensitive

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

KINDS = {"PERSON": "PERSON", "ORGANIZATION": "ORGANISATION"}  # presidio's names, and ours
_PREFERRED = ("en_core_web_lg", "en_core_web_md", "en_core_web_sm", "en_core_web_trf")
_PIECE = 50_000  # characters at a time: spaCy refuses a million
_HINT = "pip install 'local-minions[people]', then a model: python -m spacy download en_core_web_sm"


class Result(Protocol):
    """A value as presidio returns it."""

    entity_type: str
    start: int
    end: int


class Analyzer(Protocol):
    """The part of presidio's AnalyzerEngine that is used."""

    def analyze(self, text: str, language: str, entities: list[str]) -> Sequence[Result]:
        """The values of the kinds ``entities`` in a text."""


def people_detector(*, required: bool = False) -> Detector | None:
    """A detector of PERSON and ORGANISATION.

    The model is English where there is a choice, the largest first. Loading it takes seconds, and
    is done here. None where presidio or a model of spaCy is not installed; with ``required``,
    raises ConfigError that says what to install instead.
    """
    missing = [name for name in ("presidio_analyzer", "spacy") if find_spec(name) is None]
    cause = f"{' and '.join(missing)} are missing"
    model = None
    if not missing:
        model = _installed_model()
        cause = "no language model of spaCy is installed"
    if model is None:
        if required:
            raise ConfigError(f"people and organisations cannot be found: {cause}", hint=_HINT)
        return None
    language = model.partition("_")[0]
    try:
        return detector_of(_analyzer(model, language), language)
    except (ImportError, OSError, ValueError) as error:
        raise ConfigError(
            f"the language model {model} cannot be loaded: {error}", hint=_HINT
        ) from error


def detector_of(analyzer: Analyzer, language: str) -> Detector:
    """A detector that asks ``analyzer`` piece by piece."""

    def detect(text: str) -> list[Sensitive]:
        found: set[Sensitive] = set()
        for offset, piece in _pieces(text):
            results = analyzer.analyze(text=piece, language=language, entities=list(KINDS))
            found.update(_trimmed(text, offset, results))
        # A name has one kind throughout a text: the one that a wavering model gives it most often.
        kinds: dict[str, Counter[str]] = defaultdict(Counter)
        for kind, start, end in found:
            kinds[text[start:end]][kind] += 1
        agreed: set[Sensitive] = set()
        for _, start, end in found:
            kind = kinds[text[start:end]].most_common(1)[0][0]
            agreed.add(Sensitive(kind, start, end))
        return sorted(agreed, key=lambda value: (value.start, value.end))

    return detect


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Pieces of bounded length with their offsets, cut at white space where there is any."""
    start = 0
    while start < len(text):
        end = min(len(text), start + _PIECE)
        if end < len(text):
            last_space = max(text.rfind("\n", start + 1, end), text.rfind(" ", start + 1, end))
            if last_space >= 0:
                end = last_space + 1
        yield start, text[start:end]
        start = end


def _trimmed(text: str, offset: int, results: Iterable[Result]) -> Iterator[Sensitive]:
    """The values without the line breaks and marks that a model may take into a name."""
    for result in results:
        if result.entity_type not in KINDS:
            continue
        start = offset + result.start
        for part in re.split(r"\n| / ", text[start : offset + result.end]):
            name = part.strip(" \t,;:.'\"()")
            if any(map(str.isalpha, name)):
                place = text.index(name, start)
                yield Sensitive(KINDS[result.entity_type], place, place + len(name))
                start = place + len(name)


def _installed_model() -> str | None:
    import spacy

    installed: list[str] = sorted(spacy.util.get_installed_models())
    for name in (*_PREFERRED, *installed):
        if name in installed:
            return name
    return None


def _analyzer(model: str, language: str) -> Any:
    """Presidio with the one recognizer that reads the model.

    Its other recognizers look for values that the other detectors find.
    """
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpEngineProvider
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    settings = {
        "nlp_engine_name": "spacy",
        "models": [{"lang_code": language, "model_name": model}],
        "ner_model_configuration": {
            "model_to_presidio_entity_mapping": {
                "PER": "PERSON",
                "PERSON": "PERSON",
                "ORG": "ORGANIZATION",
            },
            "low_score_entity_names": [],
            "labels_to_ignore": [],
        },
    }
    recognizer = SpacyRecognizer(supported_language=language, supported_entities=list(KINDS))
    return AnalyzerEngine(
        registry=RecognizerRegistry(recognizers=[recognizer], supported_languages=[language]),
        nlp_engine=NlpEngineProvider(nlp_configuration=settings).create_engine(),
        supported_languages=[language],
    )
