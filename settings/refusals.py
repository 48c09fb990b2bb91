"""What the storefront's components refuse beyond the rules of the settings: each rule is written once, in its component."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from cloudpatterns.core import ArgumentError, looks_secret
from cloudpatterns.systems import Storefront as Component
from pydantic import ValidationError
from pydantic_core import InitErrorDetails, to_jsonable_python

from settings.database import AURORA, PROPOSED, Database
from settings.faults import Assign, Context, Fix, Location, Model, Remove, Run, fault
from settings.storefront import EXAMPLE_ACTION, EXAMPLE_RESOURCE, REPLICAS_ALLOWED, Containers, Servers, Statement, Storefront, topics

# Valid parts of a storefront, instead of those that have other problems.
_SERVERS: dict[str, Any] = {"instance_types": ["t4g.small"], "min_size": 1, "max_size": 1}
_CONTAINERS: dict[str, Any] = {"image": "shop:1", "min_tasks": 1, "max_tasks": 1}
_LOAD_BALANCER = {"certificate_arn": "arn"}
_NAMED_LOAD_BALANCER = {"domain_name": "shop.example.com", "hosted_zone_id": "Z0123456789ABCDEFGHIJ"}
_CACHE = {"engine_version": "8.1", "node_type": "cache.t4g.micro"}
# Settings of the servers that are checked also when others of them are wrong: no rule here is about them.
_OF_THE_SERVERS = ("environment", "statements", "managed_policy_arns", "database_user", "database_certificates", "packages")
_OF_THE_CONTAINERS = ("environment", "statements", "managed_policy_arns", "database_user", "database_certificates")
_VARIABLES = "variables in capital letters, digits and _, one line of text each, without secrets and those that the storefront sets"


def components_accept(settings: Any, context: Context) -> Iterable[InitErrorDetails]:
    """Checks the storefront with what is valid so far: where it is to stand is made up."""
    if getattr(settings, "storefront", ...) is None:
        return
    args = _arguments(settings, context)
    try:
        Component.check("shop", args)
    except ArgumentError as error:
        for path, reason in error.problems:
            if (place := _place(path, args)) is not None:
                yield _fault(place, reason.rstrip("."), args)


def _arguments(settings: Any, context: Context) -> dict[str, Any]:
    front = context.partials.get(Storefront, {})
    subnets = {f"{context.region or 'eu-west-1'}{letter}": "subnet-0" for letter in "ab"}
    section, model, stand_in, names = "servers", Servers, _SERVERS, _OF_THE_SERVERS
    if _runs_in_containers(context):
        section, model, stand_in, names = "containers", Containers, _CONTAINERS, _OF_THE_CONTAINERS
    cdn, replicas = front.get("cdn"), front.get("read_replicas")
    named = _NAMED_LOAD_BALANCER if isinstance(cdn, Model) else _LOAD_BALANCER
    application = {**stand_in, **_valid_entries(context, section), **_valid(context.partials.get(model, {}), names)}
    args: dict[str, Any] = {
        "vpc_id": "vpc-0",
        **{f"{tier}_subnet_ids_by_zone": subnets for tier in ("public", "private", "data")},
        section: _section(front.get(section), application),
        "load_balancer": _section(front.get("load_balancer"), named),
        **({"cdn": cdn.as_args()} if isinstance(cdn, Model) else {}),
        **({"read_replicas": replicas.as_args()} if isinstance(replicas, Model) else {}),
        "firewall": _section(front.get("firewall"), {}),
        "database": _section(getattr(settings, "database", None), _database(context.partials.get(Database, {}), replicas)),
        "cache": _section(getattr(settings, "cache", None), _CACHE),
        "operators": {operator.name: operator.as_args("name") for operator in _operators(settings)},
        **_valid(front, ("alarm_topic_arns", "alarm_email_addresses")),
    }
    args["alarm_topic_arns"] = topics(args.get("alarm_topic_arns", ()))
    if args.get("servers", {}).get("artifact_sha256"):
        # As in the program: without a place it is in the stack's own bucket.
        args["servers"].setdefault("artifact_uri", "s3://bucket/version.tar.gz")
    return args


def _operators(settings: Any) -> Iterable[Any]:
    operators = getattr(settings, "operators", None)
    return () if operators is None else operators


def _database(valid: Mapping[str, Any], replicas: Any) -> dict[str, Any]:
    engine = valid.get("engine", "mysql" if replicas is None else "aurora-mysql")
    size = {} if engine in AURORA else {"allocated_storage_gib": 20}
    stand_in = {"engine": engine, "engine_version": PROPOSED[engine], "instance_class": "db.r7g.large", **size}
    return {**stand_in, **_valid(valid, ("master_username",))}


def _runs_in_containers(context: Context) -> bool:
    """Whether the application is to run in containers; with both, which is a problem itself, the servers are looked at."""
    given: Any = context.sections.get("storefront", {})
    return isinstance(given, dict) and given.get("servers") is None and given.get("containers") is not None


def _valid_entries(context: Context, section: str) -> dict[str, Any]:
    """Variables and statements as they are given, without those that are wrong themselves; a statement keeps its index."""
    application: Any = context.sections.get("storefront", {}).get(section)
    given = application if isinstance(application, dict) else {}
    variables, statements = given.get("environment"), given.get("statements")
    found: dict[str, Any] = {}
    if isinstance(variables, dict):
        found["environment"] = {name: value for name, value in variables.items() if isinstance(value, str)}
    if isinstance(statements, list):
        found["statements"] = [_statement(statement, context.region) for statement in statements]
    return found


def _statement(given: Any, region: str | None) -> dict[str, Any]:
    try:
        return Statement.model_validate(given, context=Context(region)).as_args()
    except ValidationError:
        return {"actions": [EXAMPLE_ACTION], "resources": [EXAMPLE_RESOURCE]}


def _section(section: Any, stand_in: Mapping[str, Any]) -> dict[str, Any]:
    """A section as arguments, if it is valid as a whole."""
    return section.as_args() if isinstance(section, Model) else dict(stand_in)


def _valid(valid: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Those of the valid settings with these names that are set."""
    return {name: to_jsonable_python(valid[name], exclude_none=True) for name in names if valid.get(name) is not None}


def _place(path: str, args: Mapping[str, Any]) -> Location | None:
    """The setting of an argument, `servers.statements.0.sid`; None where it is none."""
    place = tuple(steps(path, args))
    if place[0] in ("database", "cache"):
        return place
    if place[0] == "operators" and len(place) > 1:
        return ("operators", list(args["operators"]).index(place[1]), *place[2:])
    front = ("servers", "containers", "load_balancer", "cdn", "read_replicas", "firewall", "alarm_topic_arns", "alarm_email_addresses")
    return ("storefront", *place) if place[0] in front else None


def steps(path: str, node: Any) -> Iterator[str | int]:
    """The steps of a path that a component reports, `statements.0.sid`, through its arguments."""
    parts = path.split(".")
    while parts:
        # Names may have dots.
        sizes = range(len(parts), 0, -1)
        size = next((size for size in sizes if ".".join(parts[:size]) in node), 1) if isinstance(node, dict) else 1
        step, parts = ".".join(parts[:size]), parts[size:]
        if isinstance(node, list) and step.isdigit():
            yield int(step)
            node = node[int(step)]
        else:
            yield step
            node = node.get(step) if isinstance(node, dict) else None


def _fault(place: Location, reason: str, args: Mapping[str, Any]) -> InitErrorDetails:
    section = str(place[1]) if place[0] == "storefront" and place[1] in ("servers", "containers") else ""
    if section and place[2:3] == ("environment",):
        return fault(place, reason, fix=_environment_fix(place, args[section]["environment"], reason), allowed=_VARIABLES)
    if section and place[2:3] == ("statements",):
        return fault(place, reason, fix=_statement_fix(place, args[section]["statements"][place[3]], reason))
    if section and place[2:] == ("database_user",):
        taken = args["database"].get("master_username") == "app"
        return fault(place, reason, fix=[Assign(place, "shop" if taken else "app")])
    if place == ("storefront", "read_replicas"):
        return fault(place, reason, fix=[Remove(place)], allowed=REPLICAS_ALLOWED)
    if place == ("storefront", "servers", "instance_types"):
        return fault(place, reason, fix=[Assign(("storefront", "servers", "spot_percentage"), 0)])
    given = _given(place, args)
    if given is None:
        return fault(place, reason, fix=[Run("edit Pulumi.{stack}.yaml as the problem says")])
    # Of a list, mostly one entry is too many.
    return fault(place, reason, fix=[Remove((*place, len(given) - 1) if isinstance(given, list) and given else place)])


def _given(place: Location, args: Mapping[str, Any]) -> Any:
    if place[0] == "operators":
        return None
    node: Any = args
    for step in place[1:] if place[0] == "storefront" else place:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            return None
    return node


def _environment_fix(place: Location, environment: Mapping[str, str], reason: str) -> list[Fix]:
    if len(place) == 3:
        largest = max(environment, key=lambda name: len(environment[name]))
        return [Remove((*place, largest))]
    name = str(place[3])
    value, renamed = environment[name], re.sub("[^A-Z0-9_]", "_", name.upper())
    if looks_secret(name, value):
        return [Remove(place)]
    if reason.startswith("has a line break"):
        return [Assign(place, re.sub(r"[\x00-\x1f\x7f]+", " ", value).strip())]
    if renamed != name and renamed not in environment and renamed[:1].isalpha():
        return [Assign((*place[:3], renamed), value), Remove(place)]
    return [Remove(place)]


def _statement_fix(place: Location, statement: Mapping[str, Any], reason: str) -> list[Fix]:
    field = place[-1]
    if field == "sid":
        return [Assign(place, f"{statement['sid']}{int(place[3]) + 1}")]
    # The reason begins with the entry: "has s3:* in statement 0", "is '*' with s3:GetObject in statement 0".
    entries = statement.get(str(field), [])
    found = re.match(r"(?:has|is) (\S+)", reason)
    index = entries.index(entry) if found and (entry := found[1].strip("'")) in entries else 0
    return [Assign((*place, index), EXAMPLE_ACTION if field == "actions" else EXAMPLE_RESOURCE)]
