"""From a stack's configuration to settings."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, cast

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret
from pydantic import Field, ValidationError, create_model
from pydantic_core import InitErrorDetails

from settings.cache import Cache
from settings.database import Database
from settings.errors import NOTHING, Problem, Reporter, SettingsError
from settings.faults import Allowed, Assign, Context, Model, fault
from settings.network import Network, operators_get_through
from settings.operators import Operator, Operators
from settings.refusals import components_accept
from settings.storefront import EXAMPLE_CERTIFICATE, EXAMPLE_SERVERS, Containers, Storefront
from settings.systems import SYSTEMS, System, allowed_in, description_of, model_of, needs_network
from settings.systems import components_accept as systems_accept
from settings.tags import Tags

PROJECT = "cloudpatterns"
"""The namespace of the configuration keys."""

SECTIONS = ("network", "storefront", "database", "cache", "operators", "tags")
"""The configuration keys of a stack with a storefront, each one section; `SYSTEMS` are the others."""
_OF_STOREFRONT = ("database", "cache", "operators")

_REGION_KEY = "aws:region"
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-\d")
_EXAMPLE_REGION = "eu-west-1"


def _two_zones(settings: "Settings", context: Context) -> Iterable[InitErrorDetails]:
    if settings.network is None or settings.storefront is None or len(zones := settings.network.zones) != 1:
        return
    needed_by = ["the load balancer"]
    # The rule is skipped when a section is invalid: the load balancer alone requires two zones.
    if context.partials.get(Database, {}).get("multi_az"):
        needed_by.append("database.multi_az")
    cache = context.partials.get(Cache, {})
    # Without a value there is one replica; a serverless cache is in two zones by itself.
    if cache.get("replicas", 0) != 0 or cache.get("serverless"):
        needed_by.append("cache.serverless" if cache.get("serverless") else "cache.replicas")
    other = f"{context.region or _EXAMPLE_REGION}{'b' if zones[0].endswith('a') else 'a'}"
    yield fault(
        ("network", "zones"),
        f"only one zone, and two are required by {', '.join(needed_by)}",
        fix=[Assign(("network", "zones", 1), other)],
    )


def _application_reaches_aws(settings: "Settings", context: Context) -> Iterable[InitErrorDetails]:
    if settings.network is None or settings.storefront is None:
        return
    strategy, endpoints = settings.network.nat.strategy, settings.network.interface_endpoints
    if strategy not in ("none", "on_demand"):
        return
    index = len(endpoints)
    if "logs" not in endpoints:
        yield fault(
            ("network", "interface_endpoints"),
            f"nat.strategy {strategy} leaves the servers without internet egress, so no log of theirs reaches CloudWatch",
            fix=[Assign(("network", "interface_endpoints", index), "logs")],
            allowed="with nat.strategy none or on_demand: logs, and what else the servers call, each once",
        )
        index += 1
    needed = _endpoints_of_containers(settings.storefront.containers)
    if missing := [service for service in needed if service not in endpoints]:
        yield fault(
            ("network", "interface_endpoints"),
            f"nat.strategy {strategy} leaves the containers without internet egress, so none starts without {', '.join(missing)}",
            fix=[Assign(("network", "interface_endpoints", place), service) for place, service in enumerate(missing, start=index)],
            allowed="with nat.strategy none or on_demand: ecr.api, ecr.dkr and logs, and what else the containers call, each once",
        )


def _endpoints_of_containers(containers: Containers | None) -> list[str]:
    """What Fargate calls from the subnets of the containers, beside S3 and CloudWatch Logs, to start them."""
    if containers is None:
        return []
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
    secrets = [*containers.secrets.values(), *(secret for sidecar in containers.sidecars.values() for secret in sidecar.secrets.values())]
    references = {
        "secretsmanager": any(secret.secret_arn is not None for secret in secrets),
        "ssm": any(secret.parameter_arn is not None for secret in secrets),
        "ssmmessages": containers.execute_command,
    }
    return ["ecr.api", "ecr.dkr", *(service for service, is_needed in references.items() if is_needed)]


def _operators_get_through(settings: "Settings", context: Context) -> Iterable[InitErrorDetails]:
    if settings.network is None or settings.operators is None:
        return ()
    return operators_get_through(settings.network, settings.operators, context)


class Shop(NamedTuple):
    """The sections of a storefront, which a stack has all or none."""

    network: Network
    storefront: Storefront
    database: Database
    cache: Cache
    operators: Sequence[Operator]


class Settings(Model):
    """The settings of one stack."""

    checks = (_two_zones, _application_reaches_aws, _operators_get_through, components_accept, systems_accept)

    stack: str
    """Name of the stack. Code must not change behaviour based on it."""
    region: str
    """AWS region (`aws:region`)."""
    network: Network | None = None
    """Addresses, zones, flow logs, endpoints and internet egress for private subnets. Default: no network, in a stack that needs none."""
    storefront: Annotated[
        Storefront | None,
        Allowed(
            "an object",
            {
                "servers": EXAMPLE_SERVERS,
                "load_balancer": {"certificate_arn": EXAMPLE_CERTIFICATE},
            },
        ),
    ] = None
    """Servers or containers, load balancer with its certificate, web application firewall and alarms. Default: none, in a stack that has
    other systems."""
    database: Database | None = None
    """The relational database of the storefront."""
    cache: Annotated[Cache | None, Allowed("an object", {"engine_version": "8.1", "node_type": "cache.t4g.micro"})] = None
    """The in-memory cache of the storefront."""
    operators: Operators = None
    """Who may reach administrative ports of the storefront, and from which networks."""
    tags: Annotated[Tags, Field(description="Tags of every resource, by key.")]

    @property
    def shop(self) -> Shop | None:
        """The storefront, where the stack has one."""
        if self.network is None or self.storefront is None or self.database is None or self.cache is None or not self.operators:
            return None
        return Shop(self.network, self.storefront, self.database, self.cache, self.operators)

    @property
    def systems(self) -> Iterator[System]:
        """What else the stack has, in the order of `SYSTEMS`."""
        for section in SYSTEMS:
            if isinstance(model := getattr(self, section, None), Model):
                yield System(section, model)


def with_systems(sections: Iterable[str]) -> type[Settings]:
    """The settings of a stack that has these optional sections."""
    fields: dict[str, Any] = {
        section: (cast(Any, Annotated)[model_of(section), allowed_in(section), Field(description=description_of(section))], ...)
        for section in sections
    }
    return create_model("Settings", __base__=Settings, **fields)


def load() -> Settings:
    """The current stack's settings, from Pulumi's configuration. Raises `SettingsError` with every problem."""
    names = {*CONFIG.get(), *get_config_env(), _REGION_KEY, *(f"{PROJECT}:{section}" for section in (*SECTIONS, *SYSTEMS))}
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

    Values of keys in `secret_keys` are never in errors. Raises `SettingsError` with every problem.
    """
    region = config.get(_REGION_KEY)
    known_region = region if region is not None and _REGION.fullmatch(region) else None
    present = [section for section in SYSTEMS if _is_given(config.get(f"{PROJECT}:{section}"))]
    expected = [*_needed(config, present), *present]
    model = with_systems(present) if present else Settings
    sections: dict[str, Any] = {}
    shown_region = "[secret]" if _REGION_KEY in secret_keys else known_region or _EXAMPLE_REGION
    reporter = Reporter(model, PROJECT, stack, shown_region, secret_keys, sections)
    problems: list[tuple[str, Problem]] = []
    if known_region is None:
        problems.append((_REGION_KEY, reporter.region_problem(region, _EXAMPLE_REGION)))
    for section in expected:
        text = config.get(f"{PROJECT}:{section}")
        try:
            sections[section] = _section(section, text)
        except _UnreadableError as error:
            problems.append((section, reporter.missing_section(section, error.shown, str(error))))
    for name in config:
        namespace, _, key = name.partition(":")
        if namespace == PROJECT and key not in (*SECTIONS, *SYSTEMS):
            problems.append((key, reporter.unknown_section(key, config[name], (*SECTIONS, *SYSTEMS))))
    settings: Settings | None = None
    try:
        settings = model.model_validate({"stack": stack, "region": region, **sections}, context=Context(known_region, sections))
    except ValidationError as invalid:
        errors = [error for error in invalid.errors(include_url=False) if error["loc"][0] in sections and not _echo(error)]
        problems.extend((str(error["loc"][0]), reporter.problem(error)) for error in errors)
    problems = [(section, problem) for section, problem in problems if problem.given != NOTHING or problem.key not in reporter.renamed]
    if settings is None or problems:
        order = [_REGION_KEY, *SECTIONS, *SYSTEMS]
        ranked = sorted(problems, key=lambda item: order.index(item[0]) if item[0] in order else len(order))
        secrets = [config[key] for key in secret_keys if key in config]
        raise SettingsError(stack, _without(secrets, dict.fromkeys(problem for _, problem in ranked)))
    return settings


def _is_given(text: str | None) -> bool:
    # The project declares each section with an empty default.
    return text is not None and text.strip() not in ("{}", "[]", "")


def _needed(config: Mapping[str, str], present: Collection[str]) -> Iterator[str]:
    """The sections that a stack needs, or has: those of a storefront where it has one, or nothing else."""
    given = [section for section in SECTIONS if _is_given(config.get(f"{PROJECT}:{section}"))]
    has_storefront = not present or any(section in given for section in ("storefront", *_OF_STOREFRONT))
    has_network = has_storefront or "network" in given or any(needs_network(section) for section in present)
    needed = {"tags": True, "network": has_network}
    yield from (section for section in SECTIONS if needed.get(section, has_storefront))


def _echo(error: Any) -> bool:
    """Whether pydantic reports a list as too short only because it excludes items that are reported themselves."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


class _UnreadableError(Exception):
    """A section that is missing or has the wrong type."""

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
        because = f"not {name}: and not JSON ({error})" if text.lstrip()[:1] in ("{", "[") else f"text where {name} is expected"
        raise _UnreadableError(because, json.dumps(text)) from None
    if not isinstance(value, kind):
        raise _UnreadableError(f"not {name}", text)
    if value == {}:
        # The project declares each section with this default, so that this check reports a missing one, not the CLI.
        raise _UnreadableError("the whole section is missing")
    return value


def _without(secrets: Iterable[str], problems: Iterable[Problem]) -> Iterator[Problem]:
    """The problems without any text of a secret, also when a check of another section read it."""
    words = sorted({word for text in secrets for word in _words(text)}, key=len, reverse=True)

    def clean(text: str) -> str:
        for word in words:
            text = text.replace(word, "[secret]")
        return text

    for problem in problems:
        because = None if problem.because is None else clean(problem.because)
        fix = tuple(map(clean, problem.fix))
        # The allowed values are fixed text.
        yield Problem(problem.key, clean(problem.given), because, problem.allowed, fix)


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
        # Shorter words occur in any text.
        elif isinstance(value, str) and len(value) >= 6:
            yield value
