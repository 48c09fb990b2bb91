"""What the application reads from its environment, once, when it starts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

_ENGINES = ("mysql", "postgres")


class SettingsError(Exception):
    """Variables of the environment that are missing or wrong; the message names each."""


@dataclass(frozen=True)
class DatabaseSettings:
    """Where the database is, and as whom the application logs in."""

    engine: str
    host: str
    port: int
    name: str
    user: str
    ca_file: str
    certificates: str = ""
    """In PEM form, as containers get them; instead of the file."""


@dataclass(frozen=True)
class CacheSettings:
    """Where the cache is, the name that its tokens are signed for, and as whom the application logs in."""

    host: str
    port: int
    name: str
    user: str
    serverless: bool


@dataclass(frozen=True)
class Settings:
    """All of them."""

    listen_address: str | None
    port: int
    health_check_path: str
    region: str
    database: DatabaseSettings
    cache: CacheSettings
    cache_seconds: int
    connection_seconds: int


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """Reads the environment.

    :raises SettingsError: with all that is wrong at once.
    """
    reader = _Reader(environment)
    settings = Settings(
        listen_address=environment.get("LISTEN_ADDRESS") or None,
        port=reader.number("PORT", 1, 65_535),
        health_check_path=reader.path("HEALTH_CHECK_PATH"),
        region=reader.text("AWS_REGION"),
        database=DatabaseSettings(
            engine=reader.choice("DATABASE_ENGINE", _ENGINES),
            host=reader.text("DATABASE_HOST"),
            port=reader.number("DATABASE_PORT", 1, 65_535),
            name=reader.text("DATABASE_NAME"),
            user=reader.text("DATABASE_USER"),
            # Servers get a file, containers the text: their root file system is read-only.
            ca_file="" if environment.get("DATABASE_CERTIFICATES") else reader.file("DATABASE_CA_FILE"),
            certificates=environment.get("DATABASE_CERTIFICATES", ""),
        ),
        cache=CacheSettings(
            host=reader.text("CACHE_ENDPOINT"),
            port=reader.number("CACHE_PORT", 1, 65_535),
            name=reader.text("CACHE_NAME"),
            user=reader.text("CACHE_USER"),
            serverless=reader.choice("CACHE_SERVERLESS", ("true", "false")) == "true",
        ),
        cache_seconds=reader.number("CACHE_SECONDS", 1, 86_400, default=30),
        # Well below the 12 hours after which ElastiCache ends a connection that logged in by token.
        connection_seconds=reader.number("CONNECTION_SECONDS", 1, 36_000, default=600),
    )
    if reader.problems:
        raise SettingsError("; ".join(reader.problems))
    return settings


class _Reader:
    """Reads variables, and notes what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.problems: list[str] = []
        self._environment = environment

    def text(self, name: str) -> str:
        value = self._environment.get(name, "")
        if not value:
            self.problems.append(f"{name} is missing")
        return value

    def number(self, name: str, lowest: int, highest: int, default: int | None = None) -> int:
        if default is not None and not self._environment.get(name):
            return default
        value = self.text(name)
        number = int(value) if value.isascii() and value.isdecimal() else -1
        if value and not lowest <= number <= highest:
            self.problems.append(f"{name} is {value!r}; a number from {lowest} to {highest} is needed")
        return number

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name)
        if value and value not in choices:
            self.problems.append(f"{name} is {value!r}; {' or '.join(choices)} is needed")
        return value

    def path(self, name: str) -> str:
        value = self.text(name)
        if value and not value.startswith("/"):
            self.problems.append(f"{name} is {value!r}; a path such as /healthz is needed")
        return value

    def file(self, name: str) -> str:
        value = self.text(name)
        if value and not os.access(value, os.R_OK):
            self.problems.append(f"{name} is {value!r}; there is no such file that this user can read")
        return value
