"""What a question would take, before it is asked. No model is called: every number here is an estimate.

The planner's fixed tokens are compared with its prompts in tests/unit/test_estimate.py; a worker's speed comes from
this home's own ledger where it has one.
"""

from __future__ import annotations

from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from minions.corpus.chunking import DEFAULT_CHUNK_TOKENS
from minions.ledger.baseline import RAG_CHUNKS, estimate_baseline
from minions.ledger.entries import OK
from minions.network.reference import ModelRef
from minions.privacy.card import card_of
from minions.run.protocols import SENDS_CHUNKS, refuse_to_send, sent_by_rag
from minions.text.tokens import estimate_tokens
from minions.values.answers import Baseline
from minions.values.base import Value
from minions.wiring.lineup import LOCAL, choose_models, is_cloud, priced_planner, recorded

if TYPE_CHECKING:
    from minions.corpus.port import Corpus
    from minions.ledger.ledger import Ledger
    from minions.ledger.prices import PriceBook
    from minions.settings import Settings
    from minions.values.chat import Usage

PLAN_INPUT_TOKENS: Final = 340
DECISION_INPUT_TOKENS: Final = 250
MESSAGE_INPUT_TOKENS: Final = 140
REPLY_INPUT_TOKENS: Final = 215
WHOLE_INPUT_TOKENS: Final = 180
PLACE_TOKENS: Final = 20  # of a chunk's id, name, page and headings
GIST_TOKENS: Final = 80
PLAN_OUTPUT_TOKENS: Final = 200
DECISION_OUTPUT_TOKENS: Final = 100
ANSWER_OUTPUT_TOKENS: Final = 150
TYPICAL_TASKS: Final = 2
JOB_INPUT_TOKENS: Final = 160
JOB_OUTPUT_TOKENS: Final = 30
DEFAULT_TOKENS_PER_S: Final = 40.0
_SHARE_OF_DIGEST: Final = 0.6
_SHARE_HELD: Final = (
    0.7  # of a context: the rest are prompts, line numbers, the reply, and what just does not fit
)


class CloudEstimate(Value):
    """Cloud tokens and cost of so many rounds; ``cost_usd`` is None when the price is unknown."""

    rounds: int
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None


class LocalEstimate(Value):
    """What would be read on this machine in one round, and how long that takes; nothing where all goes to the cloud.

    ``tokens_per_s`` is the median of this worker's past calls (``measured``), or an assumption (``assumed``).
    """

    jobs: int
    chunks: int
    input_tokens: int
    output_tokens: int
    tokens_per_s: float
    speed: Literal["measured", "assumed"]
    minutes: float


class Speed(NamedTuple):
    """How many input tokens a second a worker reads, and how that is known."""

    tokens_per_s: float
    source: Literal["measured", "assumed"]


class _Sent(NamedTuple):
    """What a planner is shown of the documents."""

    chunks: int
    tokens: int


class _Reading(NamedTuple):
    """What is read on this machine, and written."""

    jobs: int
    chunks: int
    input_tokens: int
    output_tokens: int


class Estimate(Value):
    """What asking would take: ``typical`` is a one-round run, ``upper`` the most that the limits allow for."""

    estimated: Literal[True] = True
    question: str
    planner: str
    worker: str
    documents: int
    chunks: int
    tokens: int
    typical: CloudEstimate
    upper: CloudEstimate
    local: LocalEstimate
    baseline: Baseline
    notes: tuple[str, ...] = ()


def estimate_question(
    question: str, corpus: Corpus, settings: Settings, prices: PriceBook, speed: Speed
) -> Estimate:
    """Estimate a question over an indexed corpus. Raises ConfigError, EgressRefusedError."""
    planner, worker, notes = choose_models(settings)
    cloud = is_cloud(planner, settings)
    if cloud:
        refuse_to_send(settings.protocol, settings.policy, to=recorded(planner))
    sent = _sent(question, corpus, settings)
    return Estimate(
        question=question,
        planner=recorded(planner),
        worker=recorded(worker),
        documents=len(corpus.contents),
        chunks=corpus.contents.chunks,
        tokens=corpus.contents.tokens,
        typical=_cloud(question, corpus, settings, prices, sent, upper=False),
        upper=_cloud(question, corpus, settings, prices, sent, upper=True),
        local=_local(_reading(corpus, settings, sent, cloud=cloud), speed),
        baseline=baseline_of(question, corpus, settings, prices),
        notes=notes,
    )


def speed_of(settings: Settings, ledger: Ledger) -> Speed:
    """How fast the worker reads. Takes a pass over the ledger."""
    measured = measured_tokens_per_s(ledger, choose_models(settings)[1])
    return Speed(measured or DEFAULT_TOKENS_PER_S, "measured" if measured else "assumed")


def baseline_of(question: str, corpus: Corpus, settings: Settings, prices: PriceBook) -> Baseline:
    """Estimates of the alternatives, at the price of the cloud planner in use, or of the default one."""
    reference, endpoint = priced_planner(settings)

    def price(usage: Usage) -> Decimal | None:
        cost = prices.cost(reference, endpoint, usage)
        return None if cost is None else cost.usd

    baseline = estimate_baseline(
        corpus_tokens=corpus.contents.tokens,
        question_tokens=estimate_tokens(question),
        answer_output_tokens=ANSWER_OUTPUT_TOKENS,
        rag_tokens=RAG_CHUNKS * (settings.chunk_tokens or DEFAULT_CHUNK_TOKENS),
        price=price,
    )
    return baseline.model_copy(update={"model": reference})


def _sent(question: str, corpus: Corpus, settings: Settings) -> _Sent | None:
    """The chunks that a protocol shows to its planner; None where it shows none."""
    match settings.protocol:
        case "remote":
            return _Sent(corpus.contents.chunks, corpus.contents.tokens)
        case "rag":
            found = sent_by_rag(question, corpus, settings.limits())
            return _Sent(len(found), sum(chunk.tokens for chunk in found))
        case _:
            return None


def _cloud(
    question: str,
    corpus: Corpus,
    settings: Settings,
    prices: PriceBook,
    sent: _Sent | None,
    *,
    upper: bool,
) -> CloudEstimate:
    """The planner's calls: one plan, and one decision a round; or one decision on what it is shown."""
    planner, _, _ = choose_models(settings)
    rounds = _most_rounds(settings, planner) if upper else 1
    if not is_cloud(planner, settings):
        return CloudEstimate(
            rounds=rounds, calls=0, input_tokens=0, output_tokens=0, cost_usd=Decimal(0)
        )
    asked = estimate_tokens(question)
    if sent is not None:
        calls, inputs, outputs = 1, _shown(sent) + asked, DECISION_OUTPUT_TOKENS
    else:
        is_chat = settings.protocol == "minion"
        share = (
            _SHARE_OF_DIGEST / TYPICAL_TASKS if is_chat else _SHARE_OF_DIGEST
        )  # a message is one task
        digest = settings.digest_tokens if upper else round(settings.digest_tokens * share)
        decision = (REPLY_INPUT_TOKENS if is_chat else DECISION_INPUT_TOKENS) + digest + asked
        inputs = (MESSAGE_INPUT_TOKENS if is_chat else PLAN_INPUT_TOKENS) + asked
        inputs += estimate_tokens(card_of(corpus, settings.policy).text)
        inputs += rounds * decision + sum(range(rounds)) * GIST_TOKENS
        calls, outputs = 1 + rounds, PLAN_OUTPUT_TOKENS + rounds * DECISION_OUTPUT_TOKENS
    if upper:
        outputs = calls * settings.planner_output_tokens
    reference, endpoint = priced_planner(settings)
    bound = prices.bound_usd(reference, endpoint, input_tokens=inputs, output_tokens=outputs)
    return CloudEstimate(
        rounds=rounds, calls=calls, input_tokens=inputs, output_tokens=outputs, cost_usd=bound
    )


def _most_rounds(settings: Settings, planner: str) -> int:
    """A planner that is shown everything, or that is the worker itself, asks for no second round."""
    if settings.protocol in SENDS_CHUNKS or planner == LOCAL:
        return 1
    return settings.max_turns if settings.protocol == "minion" else settings.max_rounds


def _shown(sent: _Sent) -> int:
    """The tokens of a decision on chunks, without the question."""
    return WHOLE_INPUT_TOKENS + sent.tokens + sent.chunks * PLACE_TOKENS


def _reading(corpus: Corpus, settings: Settings, sent: _Sent | None, *, cloud: bool) -> _Reading:
    """One round of a typical plan; the prompt cache reads a chunk once for all its tasks. A message of a chat is one
    request, whatever is held. What is sent to a cloud is not read here.
    """
    chunks, tokens = corpus.contents.chunks, corpus.contents.tokens
    chunk_tokens = tokens / chunks if chunks else 0
    if sent is not None:
        here = 0 if cloud else 1
        return _Reading(
            here * sent.chunks,
            here * sent.chunks,
            here * _shown(sent),
            here * DECISION_OUTPUT_TOKENS,
        )
    if settings.protocol == "minion":
        held = (
            round(min(tokens, _SHARE_HELD * settings.context_tokens) / chunk_tokens)
            if chunks
            else 0
        )
        held = min(held, max(1, settings.max_jobs // settings.samples))
        read, jobs, requests = held, held * settings.samples, settings.samples
    else:
        read = min(chunks, TYPICAL_TASKS * settings.chunks_per_task)
        jobs = min(
            TYPICAL_TASKS * min(chunks, settings.chunks_per_task) * settings.samples,
            settings.max_jobs,
        )
        requests = jobs
    return _Reading(
        jobs,
        read,
        round(read * chunk_tokens + requests * JOB_INPUT_TOKENS),
        requests * JOB_OUTPUT_TOKENS,
    )


def _local(reading: _Reading, speed: Speed) -> LocalEstimate:
    return LocalEstimate(
        **reading._asdict(),
        tokens_per_s=round(speed.tokens_per_s, 1),
        speed=speed.source,
        minutes=round(reading.input_tokens / speed.tokens_per_s / 60, 1),
    )


def measured_tokens_per_s(ledger: Ledger, worker: str) -> float | None:
    """Median input tokens a second over this worker's past calls, cached ones left out; None without any call."""
    ref = ModelRef.parse(worker)
    speeds = [
        (entry.input_tokens - entry.cached_input_tokens) / entry.latency_s
        for entry in ledger.entries()
        if entry.role == "worker"
        and (entry.provider, entry.model) == (ref.provider, ref.model)
        and entry.status == OK
        and entry.latency_s > 0
        and entry.input_tokens > entry.cached_input_tokens
    ]
    return median(speeds) if speeds else None
