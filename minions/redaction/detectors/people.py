"""People and organisations, by a language model of spaCy's that presidio runs: an optional extra.

Nothing is downloaded: presidio would fetch a model it misses, so a model is named only where it is installed. Names are
read by statistics, in the language of the model; what it overlooks goes up.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from minions.errors import ConfigError
from minions.redaction.detectors.spans import Detector, Sensitive

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

KINDS = {"PERSON": "PERSON", "ORGANIZATION": "ORGANISATION"}  # presidio's names, and ours
_PREFERRED = ("en_core_web_lg", "en_core_web_md", "en_core_web_sm", "en_core_web_trf")
_PIECE = 50_000  # characters a time: spaCy refuses a million
_HINT = "pip install 'local-minions[people]', then a model: python -m spacy download en_core_web_sm"


class Result(Protocol):
    """What presidio says of a value."""

    entity_type: str
    start: int
    end: int


class Analyzer(Protocol):
    """The part of presidio's AnalyzerEngine that is used."""

    def analyze(self, text: str, language: str, entities: list[str]) -> Sequence[Result]:
        """The values of these kinds in a text."""


def people_detector(*, required: bool = False) -> Detector | None:
    """A detector of PERSON and ORGANISATION; None where presidio or a model of spaCy's is not installed.

    With ``required``, ConfigError says what to install instead. The model is English where there is a choice, the
    largest first. Loading it takes seconds, and is done here.
    """
    missing = [name for name in ("presidio_analyzer", "spacy") if find_spec(name) is None]
    model = None if missing else _installed_model()
    if model is None:
        if not required:
            return None
        what = (
            f"{' and '.join(missing)} are missing"
            if missing
            else "no language model of spaCy's is installed"
        )
        raise ConfigError(f"people and organisations cannot be found: {what}", hint=_HINT)
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
        found: list[Sensitive] = []
        for offset, piece in _pieces(text):
            results = analyzer.analyze(text=piece, language=language, entities=list(KINDS))
            found += _trimmed(text, offset, results)
        return _agreed(text, set(found))

    return detect


def _agreed(text: str, found: Collection[Sensitive]) -> list[Sensitive]:
    """The values in order, a name of one kind throughout a text: that in which a wavering model takes it most often."""
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for kind, start, end in found:
        kinds[text[start:end]][kind] += 1
    names = ((kinds[text[start:end]].most_common(1)[0][0], start, end) for _, start, end in found)
    return sorted({Sensitive(*name) for name in names}, key=lambda value: (value.start, value.end))


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Pieces of bounded length with their offsets, cut at white space where there is any."""
    start = 0
    while start < len(text):
        end = min(len(text), start + _PIECE)
        if end < len(text):
            end = max(text.rfind(mark, start + 1, end) for mark in ("\n", " ")) + 1 or end
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

    installed: list[str] = list(spacy.util.get_installed_models())
    return next(
        (name for name in _PREFERRED if name in installed), next(iter(sorted(installed)), None)
    )


def _analyzer(model: str, language: str) -> Any:
    """Presidio with its one recognizer that reads the model: the others look for what our own detectors find."""
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
