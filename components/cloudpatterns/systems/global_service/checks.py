"""What the parts of a cell are given, and the rules over the arguments of ``GlobalService``."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pulumi

from cloudpatterns.blocks import function_names
from cloudpatterns.core import (
    ArgumentError,
    FunctionOptions,
    Problem,
    WorkloadStatementArgs,
    excludes,
    function_problems,
    is_given,
    one_of,
    pick,
    unknown,
)
from cloudpatterns.database import GlobalTable
from cloudpatterns.messaging import QueueWorker
from cloudpatterns.network import ApiGateway
from cloudpatterns.systems.global_service.arguments import CHECKERS, CHECKERS_AUTHORIZER, HEALTH, GlobalServiceArgs

_SET = ("TABLE_NAME", "CELL_NAME", "CELL_URLS_BY_REGION", "QUEUE_URL")
"""Environment variables of the system."""
_OF_REGION = re.compile(r"arn:[^:]+:[^:]+:([a-z]{2}(?:-[a-z]+)+-\d):|\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.")
_OF_CELLS = ("functions", "authorizers", "worker")
_TABLE_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/table"


def known(options: Any) -> Any:
    """Checked options without those that have no value, to pass them on."""
    return pick(options, *options)


def own_name(checked: GlobalServiceArgs, cell: str) -> str:
    """The name of one cell alone."""
    return f"{cell}.{checked['domain_name']}"


def served_name(checked: GlobalServiceArgs, partition: str | None) -> str:
    """The name that clients of a partition use."""
    return checked["domain_name"] if partition is None else f"{partition}.{checked['domain_name']}"


def partitions(checked: GlobalServiceArgs) -> dict[str | None, list[str]]:
    """The cells of this stack by partition."""
    found: dict[str | None, list[str]] = {}
    for cell, settings in checked["cells"].items():
        found.setdefault(settings.get("partition"), []).append(cell)
    return found


def regions_of_partition(checked: GlobalServiceArgs, partition: str | None) -> dict[str, str]:
    """The cells of a partition by Region, those of other stacks too."""
    every: dict[str, Any] = {**checked["other_cells"], **checked["cells"]}
    return {settings["region"]: cell for cell, settings in every.items() if settings.get("partition") == partition}


def table_regions(checked: GlobalServiceArgs) -> list[str]:
    """Where the table is, as far as that is known."""
    table, existing = checked.get("table"), checked.get("existing_table")
    if table is not None:
        return [table["region"], *table["replica_regions"]]
    return [] if existing is None else [*existing["kms_key_arns_by_region"]]


def worker_args(checked: GlobalServiceArgs, environment: Mapping[str, Any], statements: Sequence[WorkloadStatementArgs]) -> Any:
    """The arguments of a cell's queue, None where the cells have none."""
    worker = checked.get("worker")
    if worker is None:
        return None
    function = worker.get("function")
    return {**known(worker), **({} if function is None else {"function": _function(function, environment, statements)})}


def api_args(
    checked: GlobalServiceArgs,
    cell: str,
    environment: Mapping[str, Any],
    statements: Sequence[WorkloadStatementArgs],
    *,
    own: Mapping[str, FunctionOptions],
    certificate_arn: pulumi.Input[str],
    queue: Any,
) -> Any:
    """The arguments of a cell's API: it serves the shared name, and the cell's own; ``own`` are the functions of the system itself."""
    settings = checked["cells"][cell]
    options: Any = known(checked.get("api"))
    if is_given(settings, "web_acl_arn"):
        options.pop("firewall", None)
    functions = {name: _function(function, environment, statements) for name, function in checked["functions"].items()}
    routes = {
        key: {**pick(route, *(name for name in route if name != "queue")), **({"queue": queue} if route["queue"] else {})}
        for key, route in checked["routes"].items()
    }
    return {
        **options,
        "functions": {**functions, **own},
        "routes": {**routes, f"GET {checked['health']['path']}": {"function": HEALTH, "authorizer": CHECKERS_AUTHORIZER}},
        "authorizers": {
            **known(checked["authorizers"]),
            # Every request has this header; without one an HTTP API would refuse.
            CHECKERS_AUTHORIZER: {"function": {"function": CHECKERS, "identity_sources": ["header.Host"]}},
        },
        **pick(settings, "account_logging_role", "web_acl_arn"),
        "domain": {"domain_name": served_name(checked, settings.get("partition")), "certificate_arn": certificate_arn},
        "more_domains": {
            "own": {"domain_name": own_name(checked, cell), "certificate_arn": certificate_arn, **pick(checked, "hosted_zone_id")}
        },
    }


def _function(function: FunctionOptions, environment: Mapping[str, Any], statements: Sequence[WorkloadStatementArgs]) -> Any:
    own: Any = function
    # An image brings the library itself; the library is in Python.
    layer = {"runtime_library": True} if own.get("image_uri") is None and own["runtime"].startswith("python") else {}
    more = {"environment": {**own["environment"], **environment}, "statements": [*statements, *own["statements"]]}
    return {**known(own), **layer, **more}


def cell_names(checked: GlobalServiceArgs) -> dict[str, int]:
    """Children whose names AWS limits."""
    worker = checked.get("worker")
    names: dict[str, int] = {}
    for cell in checked["cells"]:
        for key, options in checked["functions"].items():
            names |= function_names(options, f"{cell}-function-{key}")
        names[f"{cell}-function-{CHECKERS}-role"] = 64
        if worker is not None:
            names |= {f"{cell}-worker-queue-dead-letters": 75, **function_names(worker.get("function"), f"{cell}-worker-function")}
    return names


def problems(name: str, checked: GlobalServiceArgs) -> Iterator[Problem]:
    """What is wrong with the arguments together."""
    found = [*_problems(name, checked)]
    yield from found
    if not found and checked["cells"]:
        yield from _part_problems(name, checked)


def _problems(name: str, checked: GlobalServiceArgs) -> Iterator[Problem]:
    yield from one_of(checked, "table", "existing_table")
    yield from _table_problems(name, checked)
    yield from _cell_problems(checked)
    yield from _partition_problems(checked)
    yield from _region_problems(checked)
    for key, options in checked["functions"].items():
        yield from function_problems(options, f"functions.{key}")
    for key in (HEALTH, CHECKERS):
        if key in checked["functions"]:
            yield f"functions.{key}", "is the name of the system's own function. Choose another."
    if CHECKERS_AUTHORIZER in checked["authorizers"]:
        yield f"authorizers.{CHECKERS_AUTHORIZER}", "is the name of the system's own authorizer. Choose another."
    if f"GET {checked['health']['path']}" in checked["routes"]:
        yield f"routes.GET {checked['health']['path']}", "is the route of the health check. Choose another, or another path of health."
    yield from _route_problems(checked)
    yield from _worker_problems(checked)
    yield from _environment_problems(checked)


def _table_problems(name: str, checked: GlobalServiceArgs) -> Iterator[Problem]:
    table = checked.get("table")
    if table is None:
        return
    options = {key: value for key, value in known(table).items() if key not in ("replica_regions", "kms_key_arns_by_region")}
    try:
        GlobalTable.check(f"{name}-table", {**options, "replicas": {region: {} for region in table["replica_regions"]}})
    except ArgumentError as error:
        for path, reason in error.problems:
            yield "table.replica_regions" if path.startswith("replicas") else f"table.{path}", reason


def _cell_problems(checked: GlobalServiceArgs) -> Iterator[Problem]:
    cells, regions, table = checked["cells"], table_regions(checked), checked.get("table")
    if not cells:
        for name in (*_OF_CELLS, "api", "routes", "other_cells"):
            if is_given(checked, name):
                yield name, "is for cells, and there are none. Give cells, or remove it."
        if table is None:
            yield "cells", "is missing; without a new table there would be nothing. Give one or more."
        return
    for name in ("api", "routes"):
        if not is_given(checked, name):
            yield name, "is missing; cells need it."
    where = "replica_regions of table" if table is not None else "kms_key_arns_by_region of existing_table"
    for cell, settings in cells.items():
        if regions and settings["region"] not in regions:
            reason = f"is {settings['region']!r}, where the table is not; it is in {', '.join(regions)}. Add the Region to {where}."
            yield f"cells.{cell}.region", reason
        if is_given(checked, "other_cells") and settings["region"] not in checked["certificate_arns_by_region"]:
            reason = f"has none of {settings['region']}; other_cells needs it: one stack has their validation record. Give that stack's."
            yield "certificate_arns_by_region", reason
    creating: dict[str, str] = {}
    for cell, settings in cells.items():
        if settings.get("account_logging_role") != "create":
            continue
        first = creating.setdefault(settings["region"], cell)
        if first != cell:
            reason = f"is 'create', as that of {first} in the same Region, which has one of an account. Set it to existing."
            yield f"cells.{cell}.account_logging_role", reason


def _partition_problems(checked: GlobalServiceArgs) -> Iterator[Problem]:
    places: list[tuple[str, str, Any]] = [("cells", cell, settings) for cell, settings in checked["cells"].items()]
    places += [("other_cells", cell, settings) for cell, settings in checked["other_cells"].items()]
    every = {cell for _, cell, _ in places}
    seen: dict[tuple[str | None, str], str] = {}
    for argument, cell, settings in places:
        path, partition = f"{argument}.{cell}", settings.get("partition")
        if argument == "other_cells" and cell in checked["cells"]:
            yield path, "is a cell of this stack, too. Remove it."
            continue
        first = seen.setdefault((partition, settings["region"]), cell)
        if first != cell:
            what = "the name without a partition" if partition is None else f"the partition {partition}"
            reason = f"is {settings['region']!r}, where {first} serves {what}. Give one of them another partition."
            yield f"{path}.region", reason
        if partition is not None and partition in every:
            yield f"{path}.partition", f"is {partition!r}, the name of a cell: both would have one domain name. Choose another."
    for partition, cells in partitions(checked).items():
        if len(regions_of_partition(checked, partition)) < 2:
            what = "" if partition is None else f" of the partition {partition}"
            reason = f"has {cells[0]} alone{what}, whose clients would have no other Region. Add a cell, or name those of other_cells."
            yield "cells", reason
        elif len(regions_of_partition(checked, partition)) == len(cells) and all(checked["cells"][cell]["drained"] for cell in cells):
            reason = f"is True, as of all that serve {served_name(checked, partition)}, which would have no record. Leave one undrained."
            yield f"cells.{cells[-1]}.drained", reason


def _region_problems(checked: GlobalServiceArgs) -> Iterator[Problem]:
    """Whatever is of another Region than the cell that needs it."""
    for argument in ("alarm_topic_arns_by_region", "certificate_arns_by_region"):
        by_region: Mapping[str, Any] = checked[argument]
        for region, value in by_region.items():
            yield from _foreign(value, region, f"{argument}.{region}", "Give one of its own Region")
    every: dict[str, Any] = {**checked["cells"], **checked["other_cells"]}
    # Alarms of cells that Route 53 finds unhealthy are in us-east-1.
    places = dict.fromkeys([*table_regions(checked), *(one["region"] for one in every.values()), "us-east-1"])
    for region in checked["alarm_topic_arns_by_region"]:
        if every and region not in places:
            reason = f"is of a Region with neither a cell nor the table; known are {', '.join(places)}. Correct it, or remove it."
            yield f"alarm_topic_arns_by_region.{region}", reason
    for holder in ("table", "existing_table"):
        keys: Any = checked.get(holder)
        for region, value in ({} if keys is None else keys["kms_key_arns_by_region"]).items():
            yield from _foreign(value, region, f"{holder}.kms_key_arns_by_region.{region}", "Give one of its own Region")
    shared: dict[str, str] = {}
    for cell, settings in checked["cells"].items():
        region = settings["region"]
        yield from _foreign(known(settings), region, f"cells.{cell}", "Give one of its own Region")
        for argument in _OF_CELLS:
            fix = f"The cell {cell} would fail with that Region. Give each cell its own: by environment of cells, or a stack for each cell"
            for path, reason in _foreign(checked[argument], region, argument, fix):
                shared.setdefault(path, reason)
    yield from shared.items()


def _foreign(value: Any, region: str, path: str, fix: str) -> Iterator[Problem]:
    if isinstance(value, str):
        found = _OF_REGION.match(value)
        if found is not None and (other := found[1] or found[2]) != region:
            yield path, f"is of {other}, not of {region}. {fix}."
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _foreign(inner, region, f"{path}.{key}", fix)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for index, inner in enumerate(value):
            yield from _foreign(inner, region, f"{path}.{index}", fix)


def _route_problems(checked: GlobalServiceArgs) -> Iterator[Problem]:
    for key, route in checked["routes"].items():
        yield from one_of(route, "function", "queue", path=f"routes.{key}.")
        function = route.get("function")
        if function is not None and function not in checked["functions"]:
            yield f"routes.{key}.function", unknown(function, "one of functions", checked["functions"])
        if route["queue"] and checked.get("worker") is None:
            yield f"routes.{key}.queue", "is True; without worker the cells have no queue. Give worker, or a function."


def _worker_problems(checked: GlobalServiceArgs) -> Iterator[Problem]:
    worker = checked.get("worker")
    if worker is None:
        return
    if not is_given(worker, "function"):
        yield "worker.function", "is missing; each cell needs its own. Give it."
    yield from excludes(worker, "function", "service", path="worker.", why="the containers would need a network in each Region")


def _environment_problems(checked: GlobalServiceArgs) -> Iterator[Problem]:
    worker = checked.get("worker")
    places: dict[str, Any] = {f"functions.{key}": options for key, options in checked["functions"].items()}
    if worker is not None and (function := worker.get("function")) is not None:
        places["worker.function"] = function
    places |= {f"cells.{cell}": settings for cell, settings in checked["cells"].items()}
    for path, holder in places.items():
        for variable in _SET:
            if variable in holder["environment"]:
                yield f"{path}.environment.{variable}", "is set by the system. Choose another name."


def _part_problems(name: str, checked: GlobalServiceArgs) -> Iterator[Problem]:
    """What the API and the worker of each cell would refuse, each problem once."""
    found: dict[Problem, None] = {}
    for cell, settings in checked["cells"].items():
        region = settings["region"]
        queue = {"queue_arn": f"arn:aws:sqs:{region}:000000000000:queue"}
        own: Any = {key: {"code": pulumi.AssetArchive({})} for key in (HEALTH, CHECKERS)}
        certificate = f"arn:aws:acm:{region}:000000000000:certificate/0"
        parts: list[tuple[Any, str, Any, str]] = [
            (
                ApiGateway,
                f"{name}-{cell}",
                api_args(checked, cell, {}, [], own=own, certificate_arn=certificate, queue=queue),
                "",
            )
        ]
        if (worker := worker_args(checked, {}, [])) is not None:
            parts.append((QueueWorker, f"{name}-{cell}-worker", worker, "worker."))
        for component, child_name, args, prefix in parts:
            try:
                component.check(child_name, args)
            except ArgumentError as error:
                found |= dict.fromkeys((_path(cell, prefix, path), reason) for path, reason in error.problems if path != "name")
    yield from (problem for problem in found if not problem[0].startswith("functions.") and not problem[0].startswith("worker.function."))


def _path(cell: str, prefix: str, path: str) -> str:
    """Where an argument of a part stands among those of the system."""
    if prefix:
        return f"{prefix}{path}"
    first = path.partition(".")[0]
    if first in ("account_logging_role", "web_acl_arn"):
        return f"cells.{cell}.{path}"
    return path if first in ("functions", "routes", "authorizers") else f"api.{path}"
