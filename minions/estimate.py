"""Estimate of a question's tokens, cost and time, before it is asked. No model is called.

tests/unit/test_estimate.py compares the planner's fixed tokens with its prompts. The worker's speed
is measured from earlier calls in the ledger, where there are any.
"""

from __future__ import annotations

from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from minions.ledger.entries import OK
from minions.privacy.card import card_of
from minions.run.baseline import baseline_of
from minions.run.protocols import SENDS_CHUNKS, sent_by_rag
from minions.text.tokens import estimate_tokens
from minions.values.answers import Baseline
from minions.values.base import Value

if TYPE_CHECKING:
    from minions.corpus.port import Corpus
    from minions.ledger.ledger import Ledger
    from minions.ledger.prices import PriceBook
    from minions.network.reference import ModelRef
    from minions.run.terms import Terms
    from minions.wiring.lineup import Lineup

PLAN_INPUT_TOKENS: Final = 340
DECISION_INPUT_TOKENS: Final = 250
MESSAGE_INPUT_TOKENS: Final = 140
REPLY_INPUT_TOKENS: Final = 215
WHOLE_INPUT_TOKENS: Final = 180
PLACE_TOKENS: Final = 20  # a chunk's id, name, page and headings
GIST_TOKENS: Final = 80
PLAN_OUTPUT_TOKENS: Final = 200
DECISION_OUTPUT_TOKENS: Final = 100
TYPICAL_TASKS: Final = 2
JOB_INPUT_TOKENS: Final = 160
JOB_OUTPUT_TOKENS: Final = 30
DEFAULT_TOKENS_PER_S: Final = 40.0
_SHARE_OF_DIGEST: Final = 0.6
_SHARE_HELD: Final = 0.7  # of a context; prompts, line numbers, the reply and gaps take the rest


class CloudEstimate(Value):
    """Cloud calls, tokens and cost of ``rounds``; ``cost_usd`` is None for an unknown price."""

    rounds: int
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal | None


class LocalEstimate(Value):
    """Local reading in one round, and its time; zero where the chunks are sent to the cloud.

    ``tokens_per_s`` is the median of this worker's past calls (``measured``), or a default
    (``assumed``).
    """

    jobs: int
    chunks: int
    input_tokens: int
    output_tokens: int
    tokens_per_s: float
    speed: Literal["measured", "assumed"]
    minutes: float


class Speed(NamedTuple):
    """Input tokens a second of a worker, measured or assumed."""

    tokens_per_s: float
    source: Literal["measured", "assumed"]


class _Sent(NamedTuple):
    """The number of chunks that are sent to a planner, and their tokens."""

    chunks: int
    tokens: int


class _Reading(NamedTuple):
    """The jobs on this machine, and the tokens that they read and write."""

    jobs: int
    chunks: int
    input_tokens: int
    output_tokens: int


class Estimate(Value):
    """Estimate of a question: ``typical`` is a run of one round, ``upper`` a run to its limits."""

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
    question: str,
    corpus: Corpus,
    lineup: Lineup,
    terms: Terms,
    prices: PriceBook,
    speed: Speed,
) -> Estimate:
    """Estimate a question over an indexed corpus. Raises EgressRefusedError."""
    lineup.refuse_to_send()
    sent = _sent(question, corpus, terms)
    reading = _reading(corpus, terms, sent)
    return Estimate(
        question=question,
        planner=lineup.planner_name,
        worker=lineup.worker_name,
        documents=len(corpus.contents),
        chunks=corpus.contents.chunks,
        tokens=corpus.contents.tokens,
        typical=_typical(question, corpus, lineup, terms, prices, sent),
        upper=_upper(question, corpus, lineup, terms, prices, sent),
        local=LocalEstimate(
            **reading._asdict(),
            tokens_per_s=round(speed.tokens_per_s, 1),
            speed=speed.source,
            minutes=round(reading.input_tokens / speed.tokens_per_s / 60, 1),
        ),
        baseline=baseline_of(question, corpus, terms, prices),
        notes=lineup.notes,
    )


def speed_of(worker: ModelRef, ledger: Ledger) -> Speed:
    """The worker's reading speed. It reads the whole ledger once."""
    measured = measured_tokens_per_s(ledger, worker)
    if measured:
        return Speed(measured, "measured")
    return Speed(DEFAULT_TOKENS_PER_S, "assumed")


def _sent(question: str, corpus: Corpus, terms: Terms) -> _Sent | None:
    """The chunks that a protocol shows to its planner; None where it shows none."""
    match terms.protocol:
        case "remote":
            return _Sent(corpus.contents.chunks, corpus.contents.tokens)
        case "rag":
            found = sent_by_rag(question, corpus, terms.limits)
            return _Sent(len(found), sum(chunk.tokens for chunk in found))
        case _:
            return None


class _Calls(NamedTuple):
    """The planner's calls in ``rounds``, and their tokens."""

    rounds: int
    calls: int
    input_tokens: int
    output_tokens: int


def _typical(
    question: str,
    corpus: Corpus,
    lineup: Lineup,
    terms: Terms,
    prices: PriceBook,
    sent: _Sent | None,
) -> CloudEstimate:
    """The calls and tokens of one round, with a digest of the usual size."""
    if not lineup.planner_is_cloud:
        return _no_cloud(1)
    share = _SHARE_OF_DIGEST
    if terms.protocol == "minion":  # a message is one task
        share /= TYPICAL_TASKS
    digest_tokens = round(terms.limits.digest_tokens * share)
    calls = _calls(question, corpus, terms, sent, rounds=1, digest_tokens=digest_tokens)
    return _priced(calls, terms, prices)


def _upper(
    question: str,
    corpus: Corpus,
    lineup: Lineup,
    terms: Terms,
    prices: PriceBook,
    sent: _Sent | None,
) -> CloudEstimate:
    """The calls and tokens of the most rounds and the longest replies that the limits allow."""
    if lineup.protocol in SENDS_CHUNKS or lineup.planner is None:
        rounds = 1  # a planner that has all chunks, or that is the worker itself, asks no further
    elif lineup.protocol == "minion":
        rounds = terms.limits.max_turns
    else:
        rounds = terms.limits.max_rounds
    if not lineup.planner_is_cloud:
        return _no_cloud(rounds)
    digest_tokens = terms.limits.digest_tokens
    calls = _calls(question, corpus, terms, sent, rounds=rounds, digest_tokens=digest_tokens)
    longest = calls.calls * terms.limits.planner_output_tokens
    return _priced(calls._replace(output_tokens=longest), terms, prices)


def _calls(
    question: str,
    corpus: Corpus,
    terms: Terms,
    sent: _Sent | None,
    *,
    rounds: int,
    digest_tokens: int,
) -> _Calls:
    """The calls of some rounds: a plan and a decision each, or one decision over sent chunks."""
    question_tokens = estimate_tokens(question)
    if sent is not None:
        return _Calls(rounds, 1, _shown(sent) + question_tokens, DECISION_OUTPUT_TOKENS)
    plan = PLAN_INPUT_TOKENS
    decision = DECISION_INPUT_TOKENS
    if terms.protocol == "minion":
        plan = MESSAGE_INPUT_TOKENS
        decision = REPLY_INPUT_TOKENS
    inputs = plan + question_tokens
    inputs += estimate_tokens(card_of(corpus, terms.policy).text)
    inputs += rounds * (decision + digest_tokens + question_tokens)
    inputs += sum(range(rounds)) * GIST_TOKENS  # a decision has the gist of each round before it
    outputs = PLAN_OUTPUT_TOKENS + rounds * DECISION_OUTPUT_TOKENS
    return _Calls(rounds, 1 + rounds, inputs, outputs)


def _priced(calls: _Calls, terms: Terms, prices: PriceBook) -> CloudEstimate:
    cost_usd = prices.bound_usd(
        *terms.priced,
        input_tokens=calls.input_tokens,
        output_tokens=calls.output_tokens,
    )
    return CloudEstimate(**calls._asdict(), cost_usd=cost_usd)


def _no_cloud(rounds: int) -> CloudEstimate:
    return CloudEstimate(
        rounds=rounds, calls=0, input_tokens=0, output_tokens=0, cost_usd=Decimal(0)
    )


def _shown(sent: _Sent) -> int:
    """Input tokens of a decision over whole chunks, without the question."""
    return WHOLE_INPUT_TOKENS + sent.tokens + sent.chunks * PLACE_TOKENS


def _reading(corpus: Corpus, terms: Terms, sent: _Sent | None) -> _Reading:
    """The reading on this machine in one round of a typical plan.

    With the prompt cache, a chunk is read once for all its tasks. A message of a chat is one
    request, however many chunks the worker holds. Chunks that are sent to a cloud are not read
    here.
    """
    limits = terms.limits
    chunks = corpus.contents.chunks
    tokens = corpus.contents.tokens
    chunk_tokens = 0.0
    if chunks:
        chunk_tokens = tokens / chunks
    if sent is not None:
        if terms.planner_is_cloud:
            return _Reading(0, 0, 0, 0)
        return _Reading(sent.chunks, sent.chunks, _shown(sent), DECISION_OUTPUT_TOKENS)
    if terms.protocol == "minion":
        held = 0
        if chunks:
            held = round(min(tokens, _SHARE_HELD * limits.context_tokens) / chunk_tokens)
        read = min(held, max(1, limits.max_jobs // limits.samples))
        jobs = read * limits.samples
        requests = limits.samples
    else:
        read = min(chunks, TYPICAL_TASKS * limits.chunks_per_task)
        each = min(chunks, limits.chunks_per_task)
        jobs = min(TYPICAL_TASKS * each * limits.samples, limits.max_jobs)
        requests = jobs
    inputs = round(read * chunk_tokens + requests * JOB_INPUT_TOKENS)
    return _Reading(jobs, read, inputs, requests * JOB_OUTPUT_TOKENS)


def measured_tokens_per_s(ledger: Ledger, worker: ModelRef) -> float | None:
    """Median input tokens a second over this worker's past calls, not counting cached tokens.

    None where there are no calls.
    """
    speeds = []
    for entry in ledger.entries():
        if entry.role != "worker" or entry.status != OK:
            continue
        if (entry.provider, entry.model) != (worker.provider, worker.model):
            continue
        computed = entry.input_tokens - entry.cached_input_tokens
        if computed > 0 and entry.latency_s > 0:
            speeds.append(computed / entry.latency_s)
    if not speeds:
        return None
    return median(speeds)
