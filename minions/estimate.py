"""What a question would take, before it is asked. No model is called: every number here is an estimate.

The planner's fixed tokens are compared with its prompts in tests/unit/test_estimate.py; a worker's speed comes from
this home's own ledger where it has one.
"""

from __future__ import annotations

from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Final, Literal

from minions.answers import Baseline
from minions.corpus.chunking import DEFAULT_CHUNK_TOKENS
from minions.ledger.baseline import RAG_CHUNKS, estimate_baseline
from minions.ledger.entries import OK
from minions.models.reference import ModelRef
from minions.privacy.card import card_of
from minions.tokens import estimate_tokens
from minions.values import Value
from minions.wiring import choose_models, is_cloud, priced_planner

if TYPE_CHECKING:
    from minions.chat import Usage
    from minions.ledger.ledger import Ledger
    from minions.ledger.prices import PriceBook
    from minions.ports import Corpus
    from minions.settings import Settings

PLAN_INPUT_TOKENS: Final = 340
DECISION_INPUT_TOKENS: Final = 250
MESSAGE_INPUT_TOKENS: Final = 140
REPLY_INPUT_TOKENS: Final = 205
GIST_TOKENS: Final = 80
PLAN_OUTPUT_TOKENS: Final = 200
DECISION_OUTPUT_TOKENS: Final = 100
ANSWER_OUTPUT_TOKENS: Final = 150
TYPICAL_TASKS: Final = 2
JOB_INPUT_TOKENS: Final = 160
JOB_OUTPUT_TOKENS: Final = 30
DEFAULT_TOKENS_PER_S: Final = 40.0
_SHARE_OF_DIGEST: Final = 0.6
_SHARE_HELD: Final = 0.7  # of a context: the rest are prompts, line numbers, the reply, and what just does not fit


class CloudEstimate(Value):
    """Cloud tokens and cost of so many rounds; ``cost_usd`` is None when the price is unknown."""

    rounds: int
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None


class LocalEstimate(Value):
    """What workers would read on this machine in one round, and how long that takes.

    ``tokens_per_s`` is the median of this worker's past calls (``measured``), or an assumption (``assumed``).
    """

    jobs: int
    chunks: int
    input_tokens: int
    output_tokens: int
    tokens_per_s: float
    speed: Literal["measured", "assumed"]
    minutes: float


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


def estimate_question(question: str, corpus: Corpus, settings: Settings, prices: PriceBook, ledger: Ledger) -> Estimate:
    """Estimate a question over an indexed corpus. Raises ConfigError, EgressRefusedError."""
    planner, worker, notes = choose_models(settings)
    chunks, tokens = corpus.contents.chunks, corpus.contents.tokens
    return Estimate(
        question=question,
        planner=planner,
        worker=worker,
        documents=len(corpus.contents),
        chunks=chunks,
        tokens=tokens,
        typical=_cloud(question, corpus, settings, prices, planner, upper=False),
        upper=_cloud(question, corpus, settings, prices, planner, upper=True),
        local=_local(settings, ledger, worker, chunks=chunks, tokens=tokens),
        baseline=baseline_of(question, corpus, settings, prices),
        notes=notes,
    )


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


def _cloud(
    question: str, corpus: Corpus, settings: Settings, prices: PriceBook, planner: str, *, upper: bool
) -> CloudEstimate:
    """The planner's calls: one plan, and one decision a round."""
    is_chat = settings.protocol == "minion"
    most = settings.max_turns if is_chat else settings.max_rounds
    rounds = most if upper else 1
    if not is_cloud(planner, settings):
        return CloudEstimate(rounds=rounds, calls=0, input_tokens=0, output_tokens=0, cost_usd=Decimal(0))
    card = estimate_tokens(card_of(corpus, settings.policy).text)
    digest = settings.digest_tokens if upper else round(settings.digest_tokens * _SHARE_OF_DIGEST)
    asked = estimate_tokens(question)
    inputs = (MESSAGE_INPUT_TOKENS if is_chat else PLAN_INPUT_TOKENS) + card + asked
    decision = (REPLY_INPUT_TOKENS if is_chat else DECISION_INPUT_TOKENS) + digest + asked
    inputs += rounds * decision + sum(range(rounds)) * GIST_TOKENS
    outputs = PLAN_OUTPUT_TOKENS + rounds * DECISION_OUTPUT_TOKENS
    if upper:
        outputs = (1 + rounds) * settings.planner_output_tokens
    reference, endpoint = priced_planner(settings)
    bound = prices.bound_usd(reference, endpoint, input_tokens=inputs, output_tokens=outputs)
    return CloudEstimate(rounds=rounds, calls=1 + rounds, input_tokens=inputs, output_tokens=outputs, cost_usd=bound)


def _local(settings: Settings, ledger: Ledger, worker: str, *, chunks: int, tokens: int) -> LocalEstimate:
    """One round of a typical plan; the prompt cache reads a chunk once for all its tasks. A message of a chat is one
    request, whatever is held.
    """
    chunk_tokens = tokens / chunks if chunks else 0
    if settings.protocol == "minion":
        held = min(tokens, _SHARE_HELD * settings.context_tokens)
        read = jobs = round(held / chunk_tokens) if chunks else 0
        requests = settings.samples
    else:
        read = min(chunks, TYPICAL_TASKS * settings.chunks_per_task)
        jobs = min(TYPICAL_TASKS * min(chunks, settings.chunks_per_task) * settings.samples, settings.max_jobs)
        requests = jobs
    input_tokens = round(read * chunk_tokens + requests * JOB_INPUT_TOKENS)
    output_tokens = requests * JOB_OUTPUT_TOKENS
    measured = measured_tokens_per_s(ledger, worker)
    speed = measured or DEFAULT_TOKENS_PER_S
    return LocalEstimate(
        jobs=jobs,
        chunks=read,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        tokens_per_s=round(speed, 1),
        speed="measured" if measured else "assumed",
        minutes=round(input_tokens / speed / 60, 1),
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
