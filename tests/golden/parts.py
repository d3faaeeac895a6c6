"""The parts of the package that are pinned: the one file of this folder that knows in which module each stands."""

from minions import Minions, errors
from minions import __all__ as exported_names
from minions.batch.items import as_items
from minions.cli.main import app as command_line
from minions.cli.main import execute
from minions.corpus.chunking import CHUNKER_VERSION, chunk_document
from minions.corpus.fts.schema import SCHEMA_VERSION
from minions.corpus.index import Index
from minions.corpus.readers import READER_VERSION, content_id, read_document
from minions.evals import judge as judging
from minions.evals.columns import read_columns
from minions.evals.conditions import settle
from minions.evals.dataset import Example
from minions.evidence.digest import pack, pack_whole
from minions.evidence.digest_lines import Writer
from minions.evidence.reduce import Reduction, reduce_findings
from minions.execution.cache import CachingWorker, ResultCache, key_of
from minions.execution.whole_context_executor import CachingHolder
from minions.home import INDEX_FILE, STORE_FILE
from minions.ledger.meter import request_key
from minions.settings import Settings
from minions.store.schema import MIGRATIONS
from minions.store.store import Store
from minions.testing import FakeClock, LoopbackServer, ScriptedModel
from minions.text.tokens import estimate_tokens
from minions.values import events
from minions.values.answers import Answer
from minions.values.chat import ChatRequest, Completion, Message, Usage
from minions.values.documents import Chunk, CorpusCard
from minions.values.findings import Citation, Digest, Finding
from minions.values.jobs import Job, JobResult
from minions.values.plans import Decision, History, Plan, RoundGist, Task
from minions_planners.chat import ChatPlanner
from minions_planners.cloud import CloudPlanner
from minions_planners.local import LocalPlanner
from minions_workers.chunk_worker import ChunkWorker as Extractor
from minions_workers.holder import ChatReader

PROMPT_FOLDERS = {
    "planners": "planners/minions_planners/prompts",
    "workers": "workers/minions_workers/prompts",
    "evals": "minions/evals/prompts",
}

__all__ = [
    "CHUNKER_VERSION",
    "INDEX_FILE",
    "MIGRATIONS",
    "PROMPT_FOLDERS",
    "READER_VERSION",
    "SCHEMA_VERSION",
    "STORE_FILE",
    "Answer",
    "CachingHolder",
    "CachingWorker",
    "ChatPlanner",
    "ChatReader",
    "ChatRequest",
    "Chunk",
    "Citation",
    "CloudPlanner",
    "Completion",
    "CorpusCard",
    "Decision",
    "Digest",
    "Example",
    "Extractor",
    "FakeClock",
    "Finding",
    "History",
    "Index",
    "Job",
    "JobResult",
    "LocalPlanner",
    "LoopbackServer",
    "Message",
    "Minions",
    "Plan",
    "Reduction",
    "ResultCache",
    "RoundGist",
    "ScriptedModel",
    "Settings",
    "Store",
    "Task",
    "Usage",
    "Writer",
    "as_items",
    "chunk_document",
    "command_line",
    "content_id",
    "errors",
    "estimate_tokens",
    "events",
    "execute",
    "exported_names",
    "judging",
    "key_of",
    "pack",
    "pack_whole",
    "read_columns",
    "read_document",
    "reduce_findings",
    "request_key",
    "settle",
]
