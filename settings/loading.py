"""From a stack's configuration to settings."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated, Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret
from pydantic import Field, ValidationError
from pydantic_core import InitErrorDetails

from settings.cache import Cache
from settings.database import Database
from settings.errors import Problem, SettingsError, Speaker
from settings.faults import Allowed, Assign, Context, Model, fault
from settings.network import Network, operators_get_through
from settings.operators import Operators
from settings.storefront import EXAMPLE_CERTIFICATE, Storefront
from settings.tags import Tags

PROJECT = "cloudpatterns"
"""The namespace of the configuration keys."""

SECTIONS = ("network", "storefront", "database", "cache", "operators", "tags")
"""The configuration keys of the project, each one section."""

_REGION_KEY = "aws:region"
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d")
_EXAMPLE_REGION = "eu-west-1"


def _two_zones(settings: "Settings", context: Context) -> Iterable[InitErrorDetails]:
    zones = settings.network.zones
    if len(zones) != 1:
        return
    needed_by = ["the load balancer"]
    # A rule is left unfinished when a section is not valid: the load balancer alone is reason enough.
    if context.partials.get(Database, {}).get("multi_az"):
        needed_by.append("database.multi_az")
    cache = context.partials.get(Cache, {})
    # Without a value there is one replica; a serverless cache is in two zones by itself.
    if cache.get("replicas", 0) != 0 or cache.get("serverless"):
        needed_by.append("cache.serverless" if cache.get("serverless") else "cache.replicas")
    other = f"{context.region or _EXAMPLE_REGION}{'b' if zones[0].endswith('a') else 'a'}"
    yield fault(
        ("network", "zones"),
        f"one zone only, and two are needed by {', '.join(needed_by)}",
        fixes=[Assign(("network", "zones", 1), other)],
        allowed="at least two zones",
    )


def _operators_get_through(settings: "Settings", context: Context) -> Iterable[InitErrorDetails]:
    return operators_get_through(settings.network, settings.operators, context)


class Settings(Model):
    """The settings of one stack."""

    checks = (_two_zones, _operators_get_through)

    stack: str
    """Name of the stack. Nothing may read it to change behaviour."""
    region: str
    """AWS region (`aws:region`)."""
    network: Network
    """Addresses, zones, flow logs, endpoints and the way out for private subnets."""
    storefront: Annotated[
        Storefront,
        Allowed(
            "an object",
            {
                "servers": {"instance_types": ["t4g.small"], "min_size": 2, "max_size": 6},
                "load_balancer": {"certificate_arn": EXAMPLE_CERTIFICATE},
            },
        ),
    ]
    """Servers, load balancer with its certificate, web application firewall and alarms."""
    database: Database
    """The relational database."""
    cache: Annotated[Cache, Allowed("an object", {"engine_version": "8.1", "node_type": "cache.t4g.micro"})]
    """The in-memory cache."""
    operators: Operators
    """Who may reach administrative ports, from where."""
    tags: Annotated[Tags, Field(description="What every resource is tagged with, by tag key.")]


def load() -> Settings:
    """The current stack's settings, from Pulumi's configuration. Raises `SettingsError` with every problem."""
    names = {*CONFIG.get(), *get_config_env(), _REGION_KEY, *(f"{PROJECT}:{section}" for section in SECTIONS)}
    config: dict[str, str] = {}
    for name in names:
        namespace, _, key = name.partition(":")
        if namespace == PROJECT or name == _REGION_KEY:
            value = pulumi.Config(namespace).get(key)
            if value is not None:
                config[name] = value
    return parse(config, pulumi.get_stack(), secret_keys=[name for name in config if is_config_secret(name)])


def parse(config: Mapping[str, str], stack: str, *, secret_keys: Collection[str] = ()) -> Settings:
    """The settings in a configuration: keys as Pulumi has them (`cloudpatterns:network`), objects as JSON text.

    No value of a key in `secret_keys` shows in an error. Raises `SettingsError` with every problem.
    """
    region = config.get(_REGION_KEY)
    known_region = region if region is not None and _REGION.fullmatch(region) else None
    sections: dict[str, Any] = {}
    shown_region = "[secret]" if _REGION_KEY in secret_keys else known_region or _EXAMPLE_REGION
    speaker = Speaker(Settings, PROJECT, stack, shown_region, secret_keys, sections)
    problems: list[tuple[str, Problem]] = []
    if known_region is None:
        problems.append((_REGION_KEY, speaker.region_problem(region, _EXAMPLE_REGION)))
    for section in SECTIONS:
        text = config.get(f"{PROJECT}:{section}")
        try:
            sections[section] = _section(section, text)
        except _UnreadableError as error:
            problems.append((section, speaker.missing_section(section, error.shown, str(error))))
    for name in config:
        namespace, _, key = name.partition(":")
        if namespace == PROJECT and key not in SECTIONS:
            problems.append((key, speaker.unknown_section(key, config[name], SECTIONS)))
    settings: Settings | None = None
    try:
        settings = Settings.model_validate({"stack": stack, "region": region, **sections}, context=Context(known_region))
    except ValidationError as invalid:
        errors = [error for error in invalid.errors(include_url=False) if error["loc"][0] in sections and not _echo(error)]
        problems.extend((str(error["loc"][0]), speaker.problem(error)) for error in errors)
    if settings is None or problems:
        order = [_REGION_KEY, *SECTIONS]
        ranked = sorted(problems, key=lambda item: order.index(item[0]) if item[0] in order else len(order))
        secrets = [config[key] for key in secret_keys if key in config]
        raise SettingsError(stack, _without(secrets, dict.fromkeys(problem for _, problem in ranked)))
    return settings


def _echo(error: Any) -> bool:
    """Whether pydantic calls a list too short only because it left out items that are reported themselves."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


class _UnreadableError(Exception):
    """A section that is missing or not the object or list it has to be."""

    def __init__(self, because: str, shown: str | None = None):
        super().__init__(because)
        self.shown = shown


def _section(section: str, text: str | None) -> Any:
    kind, name = (list, "a list") if section == "operators" else (dict, "an object")
    if text is None:
        raise _UnreadableError("the whole section is missing")
    try:
        value = json.loads(text)
    except ValueError as error:
        because = f"not {name}: not JSON either ({error})" if text.lstrip()[:1] in ("{", "[") else f"a text where {name} belongs"
        raise _UnreadableError(because, json.dumps(text)) from None
    if not isinstance(value, kind):
        raise _UnreadableError(f"not {name}", text)
    if value == {}:
        # The project declares each section with this default, so that a missing one reaches this check and not the CLI's own.
        raise _UnreadableError("the whole section is missing")
    return value


def _without(secrets: Iterable[str], problems: Iterable[Problem]) -> Iterator[Problem]:
    """The problems with no word of a secret in them, also where a check of another section came across it."""
    words = sorted({word for text in secrets for word in _words(text)}, key=len, reverse=True)

    def clean(text: str) -> str:
        for word in words:
            text = text.replace(word, "[secret]")
        return text

    for problem in problems:
        because = None if problem.because is None else clean(problem.because)
        fixes = tuple(map(clean, problem.fixes))
        # What is allowed is fixed text.
        yield Problem(problem.key, clean(problem.given), because, problem.allowed, fixes)


def _words(text: str) -> Iterator[str]:
    try:
        waiting = [json.loads(text)]
    except ValueError:
        waiting = [text]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
        # Shorter words are parts of any text, and say nothing by themselves.
        elif isinstance(value, str) and len(value) >= 6:
            yield value
