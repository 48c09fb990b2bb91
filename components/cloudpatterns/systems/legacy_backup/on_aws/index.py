"""Pulls a legacy system into the hot copy and dumps the copy: as much as one invocation can, on behalf of a state machine that comes again.

The answer's ``state`` is ``more``, ``done``, ``busy`` (another run is at work) or ``failed`` (the copy would differ, and stays as it was).
What else fails is raised, and the state machine invokes again. Passwords and tokens come from Secrets Manager; values of rows are not
logged.
"""

import contextlib
import importlib
import json
import os
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pg8000.dbapi
from cloudpatterns_runtime.backup import Busy, Checkpoints, Puller, PullerOptions, Run, Source, VerifyFailed
from cloudpatterns_runtime.backup_dump import Dump
from cloudpatterns_runtime.backup_sources import ApiSource, Collection, NodeTable, ReadNode
from cloudpatterns_runtime.retry import Deadline, LambdaContext

# What remains for the end of a page or a comparison that has begun.
_RESERVE_SECONDS = 120
_STATEMENT_SECONDS = 840
_DAY_SECONDS = 86_400
_HERE = Path(__file__).parent
_METRICS = {"verify_failed": "VerifyFailed", "too_much_lost": "VerifyFailed", "run_verified": "RunsVerified"}


def handler(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Goes on with the run ``run`` of the ``kind`` full or incremental."""
    client = boto3.client
    with contextlib.ExitStack() as stack:
        source = _source(client("secretsmanager"), stack)
        copy = stack.enter_context(contextlib.closing(_hot_copy(client("secretsmanager"))))
        return work(event, Deadline.of(context, reserve_seconds=_RESERVE_SECONDS), source, copy, client("dynamodb"), client("s3"))


def work(
    event: Mapping[str, Any],
    deadline: Deadline,
    source: Source,
    copy: Any,
    dynamodb: Any,
    s3: Any,
    clock: Callable[[], float] = time.time,
) -> dict[str, Any]:
    """What ``handler`` does, with its connections and clients."""
    full_after_seconds = int(os.environ["FULL_AFTER_DAYS"]) * _DAY_SECONDS
    options = PullerOptions(
        page_rows=int(os.environ["PAGE_ROWS"]),
        most_lost_percent=float(os.environ["MOST_LOST_PERCENT"]),
        full_after_seconds=full_after_seconds,
        on_event=report,
        clock=clock,
    )
    puller = Puller(source, copy, Checkpoints(dynamodb, os.environ["PROGRESS_TABLE"], clock=clock), options)
    try:
        run = puller.begin(event["run"], event["kind"], accept_loss=bool(event.get("accept_loss")))
    except Busy as busy:
        report("run_skipped", {"reason": str(busy)})
        return {"state": "busy"}
    try:
        if not puller.pull(run, deadline):
            return {"state": "more"}
    except VerifyFailed as failed:
        return {"state": "failed", "reason": str(failed)[:1000]}
    manifest = run.kept.get("manifest")
    if not run.state.get("finished"):
        if run.kind == "full" or clock() - run.kept.get("dumped_at", 0) > full_after_seconds:
            if not _dump(puller, run, deadline, source, copy, Dump(s3, os.environ["DUMP_BUCKET"], _folder(run, clock))):
                return {"state": "more"}
            manifest = run.kept["manifest"]
            run.kept["dumped_at"] = clock()
        puller.finish(run)
        report("run_verified", {"run": run.name, "kind": run.kind})
    return {"state": "done", "manifest": manifest}


def _folder(run: Run, clock: Callable[[], float]) -> str:
    """The folder of the run's dump, which is the same in each invocation."""
    return run.state.setdefault("dump", f"dumps/{datetime.fromtimestamp(clock(), UTC):%Y-%m-%dT%H%M%SZ}")


def _dump(puller: Puller, run: Run, deadline: Deadline, source: Source, copy: Any, dump: Dump) -> bool:
    """Dumps the tables that are not dumped yet, and the manifest; False when the time is up."""
    dumped = run.state.setdefault("dumped", {})
    for table in source.tables():
        if table.name in dumped:
            continue
        if deadline.remaining() <= 0:
            return False
        dumped[table.name] = dump.table(copy, table)
        puller.save(run)
        report("dumped", {"table": table.name, "rows": dumped[table.name]["count"], "bytes": dumped[table.name]["bytes"]})
    run.kept["manifest"] = dump.finish(dumped, run=run.name, kind=run.kind)
    return True


def report(event: str, fields: Mapping[str, Any]) -> None:
    """A line of the log; what alarms are about is a metric as well.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    line: dict[str, Any] = {"event": event, **fields}
    if (name := _METRICS.get(event)) is not None:
        metrics = {"Namespace": os.environ["METRIC_NAMESPACE"], "Dimensions": [["Backup"]], "Metrics": [{"Name": name, "Unit": "Count"}]}
        line |= {"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metrics]}, "Backup": os.environ["BACKUP"], name: 1}
    print(json.dumps(line), flush=True)


def _source(secrets: Any, stack: contextlib.ExitStack) -> Source:
    """The source that the component was given."""
    given = json.loads((_HERE / "source.json").read_text(encoding="utf-8"))
    if (api := given.get("api")) is not None:
        arn = os.environ.get("SOURCE_SECRET_ARN")
        token = "" if arn is None else _secret(secrets, arn)
        collections = [Collection(name, **options) for name, options in api["collections"].items()]
        return ApiSource(api["url"], collections, token=token if isinstance(token, str) else token["token"])
    if (node := given.get("read_node")) is not None:
        user, certificates = _secret(secrets, os.environ["SOURCE_SECRET_ARN"]), _HERE / "source.pem"
        context = ssl.create_default_context()
        context.load_verify_locations(cafile=str(certificates if certificates.exists() else _rds_certificates()))
        connection = _connect(user, node["host"], node["port"], node["database_name"], context)
        stack.enter_context(contextlib.closing(connection))
        return ReadNode(connection, [NodeTable(name, **options) for name, options in node["tables"].items()])
    sys.path.insert(0, str(_HERE / "source"))
    return importlib.import_module("legacy_source").create_source()


def _hot_copy(secrets: Any) -> Any:
    """A connection to the hot copy, over TLS that trusts RDS alone."""
    user = _secret(secrets, os.environ["DATABASE_SECRET_ARN"])
    context = ssl.create_default_context(cafile=str(_rds_certificates()))
    return _connect(user, os.environ["DATABASE_HOST"], int(os.environ["DATABASE_PORT"]), os.environ["DATABASE_NAME"], context)


def _connect(user: Mapping[str, str], host: str, port: int, database: str, context: ssl.SSLContext) -> Any:
    return pg8000.dbapi.connect(
        user["username"], host, database, port, user["password"], ssl_context=context, timeout=_STATEMENT_SECONDS, tcp_keepalive=True
    )


def _rds_certificates() -> Path:
    return _HERE / "certificates" / f"{os.environ['AWS_REGION']}.pem"


def _secret(secrets: Any, arn: str) -> Any:
    """A secret: JSON where it is an object, or else its text."""
    text = secrets.get_secret_value(SecretId=arn)["SecretString"]
    with contextlib.suppress(ValueError):
        if isinstance(value := json.loads(text), dict):
            return value
    return text.strip()
