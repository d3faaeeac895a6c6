"""The user's settings. Precedence: flag, environment, ``./minions.toml``, the user's configuration file, default.

Environment: ``MINIONS_<FIELD>``, and ``OPENAI_API_KEY``, ``OPENAI_BASE_URL``, ``OLLAMA_HOST`` as everyone spells them.
"""

from __future__ import annotations

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
from minions.folder_settings import refuse_loosening
from minions.network.endpoints import OLLAMA_URL, OPENAI_URL, Endpoints, ollama_url
from minions.network.reference import names_host
from minions.network.timeouts import Timeouts
from minions.values.limits import Limits, Pace, Reading
from minions.values.policy import Policy, Redaction

if TYPE_CHECKING:
    from minions.ledger.budgets import Budget
    from minions.ledger.prices import PriceBook

CONFIG_NAME = "minions.toml"
_CONFIG_FILES = "_config_files"  # how load hands the files to the sources
_MOST = 10**10  # of anything that is counted, seconds too: databases and clocks hold not much more
_DEFAULTS = Limits()
_TIMEOUTS = Timeouts()


class Settings(BaseSettings):
    """Every setting with its default; None lets the wiring choose (docs/settings.md)."""

    model_config = SettingsConfigDict(
        env_prefix="MINIONS_", extra="forbid", frozen=True, populate_by_name=True
    )

    planner: str | None = None
    worker: str | None = None
    protocol: Literal["minions", "minion", "local", "rag", "remote"] = "minions"
    policy: Policy = "findings"
    home: Path | None = None
    local_only: bool = False
    allow_remote_workers: bool = False
    fetch_weights: bool = True
    max_egress: int | None = Field(None, ge=0)
    redact: bool = True
    redact_words: tuple[str, ...] = ()
    redact_patterns: tuple[str, ...] = ()
    redact_people: bool | None = None
    retain_text: bool = True

    max_rounds: int = Field(_DEFAULTS.max_rounds, ge=1, le=10)
    max_tasks: int = Field(_DEFAULTS.max_tasks, ge=1, le=50)
    max_jobs: int = Field(_DEFAULTS.max_jobs, ge=1)
    chunks_per_task: int = Field(_DEFAULTS.chunks_per_task, ge=1)
    samples: int = Field(_DEFAULTS.samples, ge=1, le=10)
    digest_tokens: int = Field(_DEFAULTS.digest_tokens, ge=50)
    near_misses: int = Field(_DEFAULTS.near_misses, ge=0, le=20)
    low_confidence: float = Field(_DEFAULTS.low_confidence, ge=0, le=1)
    rag_chunks: int = Field(_DEFAULTS.rag_chunks, ge=1)
    max_turns: int = Field(_DEFAULTS.max_turns, ge=1, le=20)
    timeout_s: float | None = Field(None, gt=0)
    max_cost: Decimal | None = Field(None, ge=0, le=10**9)
    max_cloud_tokens: int | None = Field(None, ge=0)
    prices: tuple[str, ...] = ()

    planner_output_tokens: int = Field(_DEFAULTS.planner_output_tokens, ge=50)
    concurrency: int | None = Field(None, ge=1)
    rate_per_s: float | None = Field(None, gt=0)
    attempts: int = Field(4, ge=1, le=20)
    patience_s: float = Field(0, ge=0)
    connect_timeout_s: float = Field(_TIMEOUTS.connect_s, gt=0)
    first_token_timeout_s: float = Field(_TIMEOUTS.first_token_s, gt=0)
    call_timeout_s: float = Field(_TIMEOUTS.total_s, gt=0)
    chunk_tokens: int | None = Field(None, ge=50)
    context_tokens: int = Field(_DEFAULTS.context_tokens, ge=512)
    threads: int | None = Field(None, ge=1)
    whole_documents: bool = _DEFAULTS.whole_documents
    evidence: Literal["lines", "quote"] = "lines"
    min_relevance: float = Field(0.3, ge=0, le=1)
    reasoning: Literal["none", "draft", "cot"] = "none"
    second_look: bool = False
    enough: int = Field(0, ge=0, le=100)
    enough_confidence: float = Field(0.6, ge=0, le=1)
    cache: bool = True
    window: int = Field(32, ge=1, le=10_000)

    openai_api_key: SecretStr | None = Field(
        None, validation_alias=AliasChoices("openai_api_key", "OPENAI_API_KEY")
    )
    openai_base_url: str | None = Field(
        None, validation_alias=AliasChoices("openai_base_url", "OPENAI_BASE_URL")
    )
    ollama_host: str | None = Field(
        None, validation_alias=AliasChoices("ollama_host", "OLLAMA_HOST")
    )

    @field_validator(
        "openai_api_key", "openai_base_url", "ollama_host", "planner", "worker", mode="before"
    )
    @classmethod
    def _blank_is_unset(cls, value: Any) -> Any:
        return None if isinstance(value, str) and not value.strip() else value

    @field_validator("*")
    @classmethod
    def _can_be_used(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not abs(value) <= _MOST:
            raise ValueError(f"it should be no more than {_MOST:,}")
        if isinstance(value, str | Path) and "\0" in str(value):
            raise ValueError("it holds a zero byte")
        return value

    @field_validator("openai_base_url", "ollama_host")
    @classmethod
    def _names_a_host(cls, value: str | None) -> str | None:
        if value is not None and not names_host(value):
            raise ValueError(
                "not a URL with a host, and a number for its port if any"
            )  # which may hold a password
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
        """Flags, environment, then the configuration files, nearest first."""
        files: list[PydanticBaseSettingsSource] = []
        if isinstance(init_settings, InitSettingsSource):
            paths = init_settings.init_kwargs.pop(_CONFIG_FILES, None)
            files = [TomlConfigSettingsSource(settings_cls, toml_file=path) for path in paths or ()]
        return (init_settings, env_settings, *files)

    @classmethod
    def load(cls, flags: dict[str, Any] | None = None, *, config: Path | None = None) -> Self:
        """Settings from all sources; flags that are None do not count. Raises ConfigError naming what is wrong."""
        given = {name: value for name, value in (flags or {}).items() if value is not None}
        try:
            return cls(**{**given, _CONFIG_FILES: _config_files(config)})
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
            )
            raise ConfigError(
                f"settings: {problems}", hint="see docs/settings.md for names and values"
            ) from None
        except (SettingsError, ValueError, RecursionError) as error:
            raise ConfigError(
                f"settings: {error}", hint="see docs/settings.md for names and values"
            ) from None

    def limits(self) -> Limits:
        """The part that bounds a run."""
        return Limits(**{name: getattr(self, name) for name in Limits.model_fields})

    def reading(self) -> Reading:
        """The part that says how a worker reads a chunk."""
        return Reading(**{name: getattr(self, name) for name in Reading.model_fields})

    def pace(self) -> Pace:
        """The part that says how often, and how many at a time, models are called."""
        return Pace(**{name: getattr(self, name) for name in Pace.model_fields})

    def redaction(self) -> Redaction:
        """The part that says which values are replaced by placeholders."""
        return Redaction(
            on=self.redact,
            words=self.redact_words,
            patterns=self.redact_patterns,
            people=self.redact_people,
        )

    def timeouts(self) -> Timeouts:
        """The bounds of one call."""
        return Timeouts(
            connect_s=self.connect_timeout_s,
            first_token_s=self.first_token_timeout_s,
            total_s=self.call_timeout_s,
        )

    def endpoints(self) -> Endpoints:
        """Where the providers are, and the API key."""
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
        """Where all state lives: the setting or ``MINIONS_HOME``, else the platform's data folder."""
        if self.home is not None:
            return self.home.expanduser()
        from platformdirs import user_data_path

        return user_data_path("minions", appauthor=False)


def _config_files(config: Path | None) -> list[Path]:
    if config is not None:
        if not config.is_file():
            raise ConfigError(f"no such configuration file: {config}", hint="check --config")
        return [config]
    from platformdirs import user_config_path

    user = user_config_path("minions", appauthor=False) / CONFIG_NAME
    local = Path(os.curdir) / CONFIG_NAME
    refuse_loosening(local, user)
    return [path for path in (local, user) if path.is_file()]
