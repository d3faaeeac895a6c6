"""The user's settings.

The first source that names a setting wins: flags, environment, ``./minions.toml``, the user's own
configuration file; then the default. What ``./minions.toml`` may set is limited
(`minions.folder_settings`). Environment variables are called ``MINIONS_<FIELD>``, apart
from the usual ``OPENAI_API_KEY``, ``OPENAI_BASE_URL`` and ``OLLAMA_HOST``.
"""

from __future__ import annotations

import difflib
import os
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from minions.errors import ConfigError
from minions.folder_settings import FILE_NAME, FolderFile
from minions.network.endpoints import OLLAMA_URL, OPENAI_URL, Endpoints, ollama_url
from minions.network.reference import names_host
from minions.network.timeouts import Timeouts
from minions.store.trusted import TrustedFiles
from minions.values.limits import Limits, Pace, Reading
from minions.values.policy import Policy, Redaction

if TYPE_CHECKING:
    from minions.ledger.budgets import Budget
    from minions.ledger.prices import PriceBook

# The keywords by which load passes a folder's values, and the user's file, to the sources.
_FOLDER = "_folder"
_CONFIG_FILE = "_config_file"
_MOST = 10**10  # the largest number or time: databases and clocks hold not much more
_HINT = "see docs/settings.md for names and values"
_DEFAULTS = Limits()
_TIMEOUTS = Timeouts()


class Settings(BaseSettings):
    """Every setting with its default (docs/settings.md).

    Where None is the default, the value is chosen when the models and folders are set up.
    """

    model_config = SettingsConfigDict(
        env_prefix="MINIONS_", extra="forbid", frozen=True, populate_by_name=True
    )

    planner: str | None = None
    """The model that plans and decides: ``provider:model[@URL]``, or ``local``."""
    worker: str | None = None
    """The model on this machine that reads the documents."""
    protocol: Literal["minions", "minion", "local", "rag", "remote"] = "minions"
    """The way a question is answered."""
    policy: Policy = "findings"
    """The parts of the documents that may be sent (`minions.values.policy`)."""
    home: Path | None = None
    """The folder of the index, the ledger and the model files."""
    local_only: bool = False
    """Refuse every connection to another machine."""
    allow_remote_workers: bool = False
    """Let a worker on another machine read the documents."""
    fetch_weights: bool = True
    """Download the weights of an embedded model when they are first used."""
    max_egress: int | None = Field(None, ge=0)
    """Bytes of the documents' text that a run may send."""
    redact: bool = True
    """Replace sensitive values, such as e-mail addresses and keys, by placeholders."""
    redact_words: tuple[str, ...] = ()
    """Words and phrases that are never sent, whatever their case."""
    redact_patterns: tuple[str, ...] = ()
    """Regular expressions; text that matches one is never sent."""
    redact_people: bool | None = None
    """Replace names of people and organisations, too; None: where the extra is installed."""
    retain_text: bool = True
    """Keep results, answers and sent text on disk; if False, only the index holds text."""

    max_rounds: int = Field(_DEFAULTS.max_rounds, ge=1, le=10)
    """Rounds of plan, read and decide."""
    max_tasks: int = Field(_DEFAULTS.max_tasks, ge=1, le=50)
    """Tasks kept from each plan."""
    max_jobs: int = Field(_DEFAULTS.max_jobs, ge=1)
    """Jobs in each round; further jobs are skipped and counted."""
    chunks_per_task: int = Field(_DEFAULTS.chunks_per_task, ge=1)
    """Chunks read for a task that has search phrases."""
    samples: int = Field(_DEFAULTS.samples, ge=1, le=10)
    """Times that each job is run."""
    digest_tokens: int = Field(_DEFAULTS.digest_tokens, ge=50)
    """Tokens of the digest that is sent in each round."""
    near_misses: int = Field(_DEFAULTS.near_misses, ge=0, le=20)
    """Unread chunks added to the digest for a task whose findings are missing or doubtful."""
    low_confidence: float = Field(_DEFAULTS.low_confidence, ge=0, le=1)
    """Confidence below which a finding counts as uncertain."""
    rag_chunks: int = Field(_DEFAULTS.rag_chunks, ge=1)
    """Chunks sent by protocol ``rag``."""
    max_turns: int = Field(_DEFAULTS.max_turns, ge=1, le=20)
    """Messages of the planner in protocol ``minion``."""
    timeout_s: float | None = Field(None, gt=0)
    """Seconds from the first plan to the answer; then the answer is partial."""
    max_cost: Decimal | None = Field(None, ge=0, le=10**9)
    """The most that cloud calls may cost, in US dollars."""
    max_cloud_tokens: int | None = Field(None, ge=0)
    """The most input and output tokens that cloud calls may use."""
    prices: tuple[str, ...] = ()
    """Prices as ``MODEL=IN/OUT[/CACHED]``, in US dollars per million tokens."""

    planner_output_tokens: int = Field(_DEFAULTS.planner_output_tokens, ge=50)
    """The longest reply of the planner in tokens, hidden reasoning included."""
    concurrency: int | None = Field(None, ge=1)
    """Jobs at the same time, at each endpoint."""
    rate_per_s: float | None = Field(None, gt=0)
    """Requests per second, to each endpoint."""
    attempts: int = Field(4, ge=1, le=20)
    """The most attempts of a request that fails in a retryable way."""
    patience_s: float = Field(0, ge=0)
    """Seconds to wait for an endpoint that is down; 0 leaves it to ``attempts``."""
    connect_timeout_s: float = Field(_TIMEOUTS.connect_s, gt=0)
    """Seconds until an endpoint accepts a connection."""
    first_token_timeout_s: float = Field(_TIMEOUTS.first_token_s, gt=0)
    """Seconds until the first byte of a reply, which comes when the model is done."""
    call_timeout_s: float = Field(_TIMEOUTS.total_s, gt=0)
    """Seconds of one attempt in all."""
    chunk_tokens: int | None = Field(None, ge=50)
    """The size of a chunk in tokens."""
    context_tokens: int = Field(_DEFAULTS.context_tokens, ge=512)
    """The context of a local model in tokens."""
    threads: int | None = Field(None, ge=1)
    """Threads of an embedded model; None: one for each physical core."""
    whole_documents: bool = _DEFAULTS.whole_documents
    """Judge a document in one job where it fits the context."""
    evidence: Literal["lines", "quote"] = "lines"
    """The way a worker cites: by the numbers of lines, or by a quote."""
    min_relevance: float = Field(0.3, ge=0, le=1)
    """The probability of holding the answer below which a chunk is not read closely."""
    reasoning: Literal["none", "draft", "cot"] = "none"
    """The reasoning that workers write first: none, a short draft, or whole sentences."""
    second_look: bool = False
    """Ask a worker again whose answer is in none of the chunk's lines."""
    enough: int = Field(0, ge=0, le=100)
    """The lead of one answer, in chunks, that ends a look-up early; 0 reads all chunks."""
    enough_confidence: float = Field(0.6, ge=0, le=1)
    """The confidence from which a finding counts for ``enough``."""
    cache: bool = True
    """Keep the workers' results, so that nothing is read twice."""
    window: int = Field(32, ge=1, le=10_000)
    """Questions of a batch that are worked on at the same time."""

    openai_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("openai_api_key", "OPENAI_API_KEY")
    )
    """The key for OpenAI-compatible endpoints."""
    openai_base_url: str | None = Field(
        None, validation_alias=AliasChoices("openai_base_url", "OPENAI_BASE_URL")
    )
    """The endpoint of provider ``openai``; None for OpenAI itself."""
    ollama_host: str | None = Field(
        None, validation_alias=AliasChoices("ollama_host", "OLLAMA_HOST")
    )
    """The endpoint of provider ``ollama``; None for this machine."""

    @field_validator(
        "openai_api_key", "openai_base_url", "ollama_host", "planner", "worker", mode="before"
    )
    @classmethod
    def _blank_is_unset(cls, value: Any) -> Any:
        if isinstance(value, str) and not value.strip():
            return None
        return value

    @field_validator("*")
    @classmethod
    def _can_be_used(cls, value: Any) -> Any:
        # "not ... <=" and not ">", so that NaN is refused, too.
        if isinstance(value, int | float) and not abs(value) <= _MOST:
            raise ValueError(f"it must not be more than {_MOST:,}")
        if isinstance(value, str | Path) and "\0" in str(value):
            raise ValueError("it contains a zero byte")
        return value

    @field_validator("openai_base_url", "ollama_host")
    @classmethod
    def _names_a_host(cls, value: str | None) -> str | None:
        if value is not None and not names_host(value):
            # The message leaves out the value, which may contain a password.
            raise ValueError("it must be a URL with a host, and a number as its port if it has one")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in their order: flags, environment, what ``load`` read of files."""
        files: list[PydanticBaseSettingsSource] = []
        if isinstance(init_settings, InitSettingsSource):
            folder = init_settings.init_kwargs.pop(_FOLDER, None)
            if folder:
                files.append(InitSettingsSource(settings_cls, init_kwargs=folder))
            path = init_settings.init_kwargs.pop(_CONFIG_FILE, None)
            if path is not None:
                files.append(TomlConfigSettingsSource(settings_cls, toml_file=path))
        return (init_settings, env_settings, *files)

    @classmethod
    def load(cls, flags: dict[str, Any] | None = None, *, config: Path | None = None) -> Self:
        """Read the settings from all sources; a flag that is None counts as not given.

        ``config`` replaces both configuration files. Raises ConfigError that names each wrong
        setting, and each that the folder's file may not make unless it is trusted.
        """
        own = cls.own(flags, config=config)
        if config is not None:
            return own
        try:
            folder = FolderFile.read(Path(os.curdir))
            user = _user_file()
            if folder is None or (user is not None and folder.path.samefile(user)):
                return own
            if TrustedFiles(own.home_folder()).holds(folder.path, folder.sha256):
                return cls._of(flags, folder=folder.values(), file=user)
            decided = cls._of(flags).model_fields_set
            values = folder.settable(dict(own), decided)
            result = cls._of(flags, folder=values, file=user)
        except (OSError, ValueError, RecursionError) as error:
            raise ConfigError(f"settings: ./{FILE_NAME}: {error}", hint=_HINT) from None
        folder.refuse_looser(dict(result), dict(own))
        return result

    @classmethod
    def own(cls, flags: dict[str, Any] | None = None, *, config: Path | None = None) -> Self:
        """Read the user's own settings: those from all sources but the folder's file.

        ``config`` replaces the user's file. Raises ConfigError that names each wrong setting.
        """
        if config is not None and not config.is_file():
            raise ConfigError(f"no such configuration file: {config}", hint="check --config")
        return cls._of(flags, file=config or _user_file())

    @classmethod
    def _of(
        cls,
        flags: dict[str, Any] | None,
        *,
        folder: dict[str, Any] | None = None,
        file: Path | None = None,
    ) -> Self:
        """Read flags and environment, then a folder's values, then a file. Raises ConfigError."""
        given = {name: value for name, value in (flags or {}).items() if value is not None}
        given[_FOLDER] = folder
        given[_CONFIG_FILE] = file
        try:
            return cls(**given)
        except ValidationError as error:
            raise ConfigError(_explained(error), hint=_HINT) from None
        except (SettingsError, ValueError, RecursionError) as error:
            raise ConfigError(f"settings: {error}", hint=_HINT) from None

    def limits(self) -> Limits:
        """Return the settings that limit a run."""
        return Limits(**{name: getattr(self, name) for name in Limits.model_fields})

    def reading(self) -> Reading:
        """The settings for reading a chunk."""
        return Reading(**{name: getattr(self, name) for name in Reading.model_fields})

    def pace(self) -> Pace:
        """The settings for the pace of calls to models."""
        return Pace(**{name: getattr(self, name) for name in Pace.model_fields})

    def redaction(self) -> Redaction:
        """The settings for replacing sensitive values by placeholders."""
        return Redaction(
            on=self.redact,
            words=self.redact_words,
            patterns=self.redact_patterns,
            people=self.redact_people,
        )

    def timeouts(self) -> Timeouts:
        """The timeouts of one call."""
        return Timeouts(
            connect_s=self.connect_timeout_s,
            first_token_s=self.first_token_timeout_s,
            total_s=self.call_timeout_s,
        )

    def endpoints(self) -> Endpoints:
        """The providers' addresses, and the API key."""
        key = self.openai_api_key.get_secret_value() if self.openai_api_key else ""
        return Endpoints(
            openai_url=self.openai_base_url or OPENAI_URL,
            ollama_url=ollama_url(self.ollama_host) if self.ollama_host else OLLAMA_URL,
            openai_key=key,
        )

    def budget(self) -> Budget:
        """The limits on cost and cloud tokens, with nothing spent."""
        from minions.ledger.budgets import Budget

        return Budget(self.max_cost, self.max_cloud_tokens)

    def price_book(self) -> PriceBook:
        """The known prices, and those that the user stated. Raises ConfigError."""
        from minions.ledger.prices import PriceBook

        return PriceBook.parse(self.prices)

    def chunk_size(self) -> int:
        """The size that documents are cut to, in tokens."""
        from minions.corpus.chunking import DEFAULT_CHUNK_TOKENS

        return self.chunk_tokens or DEFAULT_CHUNK_TOKENS

    def home_folder(self) -> Path:
        """Return the folder of all state: ``home``, or else the platform's data folder."""
        if self.home is not None:
            return self.home.expanduser()
        from platformdirs import user_data_path

        return user_data_path("minions", appauthor=False)


def _explained(error: ValidationError) -> str:
    """Name each wrong setting in one sentence."""
    problems: list[str] = []
    for item in error.errors():
        name = ".".join(str(part) for part in item["loc"])
        if item["type"] != "extra_forbidden":
            problems.append(f"setting {name}: {item['msg']}")
            continue
        problem = f"no setting is called {name!r}"
        nearest = difflib.get_close_matches(name.lower(), Settings.model_fields, n=1)
        if nearest:
            problem += f"; did you mean {nearest[0]!r}?"
        problems.append(problem)
    return "; ".join(problems)


def _user_file() -> Path | None:
    """Return the user's own configuration file; None if there is none."""
    from platformdirs import user_config_path

    path = user_config_path("minions", appauthor=False) / FILE_NAME
    return path if path.is_file() else None
