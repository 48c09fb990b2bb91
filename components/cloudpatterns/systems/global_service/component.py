"""A service in several Regions, each of which goes on without the others.

Source: "Multi-Region Active-Active" (2025 guide).
"""

import json
from pathlib import Path
from typing import Any

import pulumi

from cloudpatterns.blocks import create_key, logs_statement, pattern_options
from cloudpatterns.core import Component, FunctionOptions, WorkloadStatementArgs, after, as_arguments, by_name, in_region, pick
from cloudpatterns.core.ordering import ByName
from cloudpatterns.database import GlobalTable
from cloudpatterns.database.global_table import item_statements, replica_arn
from cloudpatterns.delivery import LatencyRouting, RegionalCertificates
from cloudpatterns.messaging import QueueWorker
from cloudpatterns.network import ApiGateway
from cloudpatterns.resilience import DeepHealthCheck, health_function
from cloudpatterns.systems.global_service.arguments import CHECKERS, HEALTH, GlobalServiceArgs, GlobalServiceCellArgs
from cloudpatterns.systems.global_service.checks import (
    api_args,
    cell_names,
    known,
    own_name,
    partitions,
    problems,
    regions_of_partition,
    served_name,
    table_regions,
    worker_args,
)

_CODE = Path(__file__).parent / "on_aws"
_CACHE_SECONDS = 5.0
_CHECK_SECONDS = 10
"""For a cold start and the layers; API Gateway and Route 53 do not wait for more."""
_HEALTH_KEYS = {"S": "health", "N": "0", "B": "aGVhbHRo"}
"""An item that need not exist, by the type of a key."""


class GlobalService(Component):
    """A service whose clients are served by the nearest Region that works, with one table of all Regions (2025 guide).

    Each cell has in its own Region an API, functions, a queue with its worker, a key, logs and alarms, and the replica of a
    ``GlobalTable``; IAM lets its functions use that replica alone. Route 53 sends clients to the cell with the least latency
    (``LatencyRouting``), as long as a check finds its API, replica and queue working; else to the next one. To serve,
    no cell needs anything of another Region.

    The conflict rule: of writes to one item in several Regions within a second or two, the latest by time stays, whole, and the others
    are lost without an error, conditions and transactions included, which each Region judges by what it knows. So two Regions that add 1 to
    a counter may add 1 in all, and two that take the last article may both succeed. ``cloudpatterns_runtime.home_region`` has what is right
    in any order: items that one Region alone writes, with the address of that Region for requests that arrive elsewhere, and counters of
    which each Region has its own part. ``strong_consistency`` of ``table`` lets the later write fail instead, in three Regions of one set.

    More than one cell in a Region: customers are divided into partitions, each with a name (``c1.api.example.com``) and a cell in each of
    its Regions. What harms one partition leaves the others alone. Which one a customer has is not decided by DNS, but where the customer
    signs in, such as by ``ShardMap`` of ``cloudpatterns_runtime.sharding`` with a ``shard_size`` of 1. The table is of all partitions.

    With a stack for each cell, one stack has ``table`` and no cells, and each other one ``existing_table``, one of ``cells``, and
    ``other_cells``. An update then changes one cell, whose clients others take meanwhile if it is ``drained``.

    **Use when**: users of several continents wait for answers, or the loss of a Region must not stop the service.

    **Not when**: one Region is enough (its zones fail one by one), what is written must be agreed on by all Regions at once, or data may
    not leave a country.

    **Cost drivers**: each write and all storage once in each Region; a web ACL, a customer managed key, two domain names and a health check
    for each cell; requests by Route 53's checkers, a few in a second at most.

    **Trade-offs**: clients of a failing Region wait for the check (three answers of 30 seconds) and for their resolvers. Each cell needs
    the capacity, and the quotas of its account, for the clients of a lost one. Writes of the last second before a Region is lost arrive
    when it is back, and messages in its queue wait for that. When all cells fail, Route 53 answers as if none did.
    One stack changes all of its cells at once, a mistake in them all: have a stack for each cell, or drain and change one by one.

    **Proven by**: controls ``dns-records-one-policy``, ``health-check-enabled``, ``dynamodb-point-in-time-recovery``,
    ``dynamodb-deletion-protection``, ``api-definition-authorized``; ``test_global_service.py``, which loses each Region in turn and follows
    the graph of what remains, and ``test_home_region.py``, which plays the conflict rule.
    """

    urls: pulumi.Output[list[str]]
    """URLs for clients, available after their records: one, or one of each partition of this stack's cells."""
    cell_urls: pulumi.Output[dict[str, str]]
    """URL of each cell alone."""
    execution_arns: pulumi.Output[dict[str, str]]
    """ARN of the API of each cell before stage, method and path, for policies of callers that sign."""
    health_check_ids: pulumi.Output[dict[str, str]]
    """Ids of the health checks by cell."""
    queue_urls: pulumi.Output[dict[str, str]]
    """URL of the queue of each cell, with ``worker``."""
    dead_letter_queue_arns: pulumi.Output[dict[str, str]]
    """ARN of the dead-letter queue of each cell, with ``worker``."""
    cell_kms_key_arns: pulumi.Output[dict[str, str]]
    """ARN of the key of each cell."""
    table_name: pulumi.Output[str]
    """Name of the table, the same in each Region."""
    table_arns: pulumi.Output[dict[str, str]]
    """ARNs of the table by Region; of an existing one in the Regions of the cells."""
    table_kms_key_arns: pulumi.Output[dict[str, str]]
    """ARNs of the table's keys by Region."""
    certificate_arns: ByName[str]
    """ARNs of the certificates by Region."""

    def __init__(self, name: str, args: GlobalServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=lambda checked: problems(name, checked), names=cell_names)
        self._table = self._new_table(name)
        self._places(checked)
        self.certificate_arns = self._certificates(name)
        self._apis: dict[str, ApiGateway] = {}
        self._keys: dict[str, pulumi.Output[str]] = {}
        self._workers: dict[str, QueueWorker] = {}
        checks: dict[str, pulumi.Output[str]] = {}
        for cell, settings in checked["cells"].items():
            self._cell(f"{name}-{cell}", cell, settings)
            checks[cell] = self._health_check(f"{name}-{cell}-health", cell, settings)
        self.urls = pulumi.Output.all(*self._routing(name, checks)).apply(list)
        self.health_check_ids = by_name(checks)
        self.cell_urls = by_name(
            {cell: after(f"https://{own_name(checked, cell)}", api) for cell, api in self._apis.items()},
        )
        self.execution_arns = by_name({cell: api.execution_arn for cell, api in self._apis.items()})
        self.queue_urls = by_name({cell: worker.queue_url for cell, worker in self._workers.items()})
        self.dead_letter_queue_arns = by_name({cell: worker.dead_letter_queue_arn for cell, worker in self._workers.items()})
        self.cell_kms_key_arns = by_name(self._keys)
        self.register()

    def invoke_statements(self, *routes: str) -> list[WorkloadStatementArgs]:
        """What a role needs to call routes with ``iam_authorization`` in every cell of this stack, by their keys; without one all."""
        found = [api.invoke_statements(*routes) for api in self._apis.values()]
        return [{**one, "sid": f"CallCell{number}"} for number, statements in enumerate(found, start=1) for one in statements]

    def _new_table(self, name: str) -> GlobalTable | None:
        given = self._checked.get("table")
        if given is None:
            return None
        keys, topics = given["kms_key_arns_by_region"], self._checked["alarm_topic_arns_by_region"]

        def around(region: str) -> Any:
            key = {"kms_key_arn": keys[region]} if region in keys else {}
            return {**key, **({"alarm_topic_arns": topics[region]} if region in topics else {})}

        options = {key: value for key, value in known(given).items() if key not in ("replica_regions", "kms_key_arns_by_region")}
        replicas = {region: around(region) for region in given["replica_regions"]}
        table: Any = {**options, **around(given["region"]), "replicas": replicas, "tags": self._checked["tags"]}
        return GlobalTable(f"{name}-table", table, self.child())

    def _places(self, checked: GlobalServiceArgs) -> None:
        """Where the table and its keys are, by Region."""
        self._table_arns: dict[str, pulumi.Output[str]] = {}
        self._table_keys: dict[str, pulumi.Output[str]] = {}
        if self._table is not None:
            regions, table = table_regions(checked), self._table
            self._table_arns, self._table_keys = table.arns_in(*regions), table.key_arns_in(*regions)
            self.table_name = table.table_name
        elif (existing := checked.get("existing_table")) is not None:
            arn = pulumi.Output.from_input(existing["arn"])
            self._table_arns = {region: replica_arn(region, arn) for region in existing["kms_key_arns_by_region"]}
            self._table_keys = {region: pulumi.Output.from_input(key) for region, key in existing["kms_key_arns_by_region"].items()}
            self.table_name = arn.apply(lambda text: text.rpartition("/")[2])
        self.table_arns, self.table_kms_key_arns = by_name(self._table_arns), by_name(self._table_keys)

    def _certificates(self, name: str) -> ByName[str]:
        checked = self._checked
        given = checked["certificate_arns_by_region"]
        regions = dict.fromkeys([*(() if self._table is None else table_regions(checked)), *_regions(checked)])
        missing = [region for region in regions if region not in given]
        known_arns = {region: pulumi.Output.from_input(arn) for region, arn in given.items()}
        if not missing:
            return by_name(known_arns)
        wanted: Any = {
            # A cell's own name, and that of a partition, is one level below.
            "domain_names": [checked["domain_name"], f"*.{checked['domain_name']}"],
            **pick(checked, "hosted_zone_id", "tags"),
            "regions": missing,
        }
        created = RegionalCertificates(f"{name}-certificates", wanted, self.child()).certificate_arns
        return by_name({**known_arns, **{region: created[region] for region in missing}})

    def _cell(self, name: str, cell: str, settings: GlobalServiceCellArgs) -> None:
        """The parts of a cell, all of them in its Region."""
        checked, region = self._checked, settings["region"]
        given = settings.get("kms_key_arn")
        self._keys[cell] = key_arn = self._key(name, region) if given is None else pulumi.Output.from_input(given)
        here = self.child(transformations=in_region(region))
        around: Any = {
            "kms_key_arn": key_arn,
            "alarm_topic_arns": checked["alarm_topic_arns_by_region"].get(region, []),
            "tags": checked["tags"],
        }
        environment = self._environment(cell, settings)
        statements = as_arguments(item_statements([self._table_arns[region]], [self._table_keys[region]], write=True))
        queue_arn: pulumi.Input[str] | None = None
        if (worker := worker_args(checked, environment, statements)) is not None:
            self._workers[cell] = created = QueueWorker(f"{name}-worker", {**worker, **around}, here)
            queue_arn = created.queue_arn
            environment, statements = {**environment, "QUEUE_URL": created.queue_url}, [*statements, *created.send_statements()]
        api = api_args(
            checked,
            cell,
            environment,
            statements,
            own=self._own_functions(region, queue_arn),
            certificate_arn=self.certificate_arns[region],
            queue=None if queue_arn is None else {"queue_arn": queue_arn, "kms_key_arn": key_arn},
        )
        self._apis[cell] = ApiGateway(name, {**api, **around}, here)

    def _key(self, name: str, region: str) -> pulumi.Output[str]:
        groups = ("/aws/vendedlogs/apigateway/*", "API-Gateway-Execution-Logs_*", f"{name}-function-*", f"{name}-worker-function-logs*")
        return create_key(
            self,
            f"{name}-key",
            f"Messages, logs and environment of the cell {name}",
            lambda key_arn: [logs_statement(key_arn, *groups)],
            region=region,
            tags=self._checked["tags"],
        )

    def _environment(self, cell: str, settings: GlobalServiceCellArgs) -> dict[str, pulumi.Input[str]]:
        checked = self._checked
        urls = {
            region: f"https://{own_name(checked, other)}"
            for region, other in regions_of_partition(checked, settings.get("partition")).items()
        }
        return {
            "TABLE_NAME": self.table_name,
            "CELL_NAME": cell,
            "CELL_URLS_BY_REGION": json.dumps(urls, sort_keys=True),
            **settings["environment"],
        }

    def _own_functions(self, region: str, queue_arn: pulumi.Input[str] | None) -> dict[str, FunctionOptions]:
        """What checks a cell, and who may ask that."""
        health = self._checked["health"]
        checkers = pattern_options(_CODE / "checkers", health["log_retention_days"], timeout_seconds=5)
        checkers["runtime_library"] = False
        checkers["environment"] = {"CLIENT_CIDRS": " ".join(health["client_cidrs"])} if health["client_cidrs"] else {}
        layers = self._layers(region, queue_arn)
        check = health_function(layers, cache_seconds=_CACHE_SECONDS, log_retention_days=health["log_retention_days"])
        check["timeout_seconds"] = _CHECK_SECONDS
        return {HEALTH: check, CHECKERS: checkers}

    def _layers(self, region: str, queue_arn: pulumi.Input[str] | None) -> Any:
        """What a cell stands on in its Region."""
        checked = self._checked
        holder: Any = checked.get("table") if self._table is not None else checked.get("existing_table")
        keys = [key for key in (holder["partition_key"], holder.get("sort_key")) if key is not None]
        table = {
            "arn": self._table_arns[region],
            "key": {key["name"]: {key["type"]: _HEALTH_KEYS[key["type"]]} for key in keys},
            "kms_key_arn": self._table_keys[region],
        }
        layers: dict[str, Any] = {"table": {"table": table, "timeout_seconds": 1.5}}
        return layers if queue_arn is None else {**layers, "queue": {"queue": {"arn": queue_arn}, "timeout_seconds": 1.5}}

    def _health_check(self, name: str, cell: str, settings: GlobalServiceCellArgs) -> pulumi.Output[str]:
        checked, health = self._checked, self._checked["health"]
        check: Any = {
            "domain_name": own_name(checked, cell),
            **pick(health, "path", "request_interval_seconds", "failure_threshold"),
            "global_alarm_topic_arns": checked["alarm_topic_arns_by_region"].get("us-east-1", []),
            "tags": checked["tags"],
        }
        # Before there is the name, Route 53 would find it unhealthy.
        return DeepHealthCheck(name, check, self.child(depends_on=[self._apis[cell]])).health_check_id

    def _routing(self, name: str, checks: dict[str, pulumi.Output[str]]) -> list[pulumi.Output[str]]:
        """The records of each name that clients use."""
        checked = self._checked
        urls: list[pulumi.Output[str]] = []
        for partition, cells in partitions(checked).items():
            regions: dict[str, Any] = {}
            for cell in cells:
                api = self._apis[cell]
                assert api.domain_target_name is not None, "the API has a domain"
                assert api.domain_target_zone_id is not None
                alias = {"dns_name": api.domain_target_name, "zone_id": api.domain_target_zone_id, "evaluate_target_health": False}
                regions[checked["cells"][cell]["region"]] = {"alias": alias, "health_check_id": checks[cell]}
            records: Any = {
                "domain_name": served_name(checked, partition),
                "hosted_zone_id": checked["hosted_zone_id"],
                "regions": regions,
                "other_regions": [region for region in regions_of_partition(checked, partition) if region not in regions],
                "drained_regions": [checked["cells"][cell]["region"] for cell in cells if checked["cells"][cell]["drained"]],
                "ip_address_type": "dualstack" if (api := checked.get("api")) is not None and api["dual_stack"] else "ipv4",
                "tags": checked["tags"],
            }
            routing = LatencyRouting(f"{name}-dns" if partition is None else f"{name}-dns-{partition}", records, self.child())
            urls.append(pulumi.Output.concat("https://", routing.domain_name))
        return urls


def _regions(checked: GlobalServiceArgs) -> list[str]:
    return [cell["region"] for cell in checked["cells"].values()]
