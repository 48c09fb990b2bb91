"""The catalogue's anti-patterns block: each is the program as it is shipped and a few lines more, under the pack of operations."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.program import ROOT, copy_project
from tests.test_broken_variants import preview, transform

PACK = ROOT / "policies" / "operations"
# A service that somebody adds to the stack: functions with a role each, in the security group of the storefront's servers or in none.
SERVICES = """
import json
import pulumi
import pulumi_aws as aws
def document(action, service, resource):
    statement = {"Effect": "Allow", "Action": action}
    statement |= {"Principal": {"Service": service}} if service else {"Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
def function(name, calls=None, service=None, **more):
    own = tags if service is None else {**tags, "Service": service}
    role = aws.iam.Role(f"{name}-role", tags=own, assume_role_policy=document("sts:AssumeRole", "lambda.amazonaws.com", None))
    if calls is not None:
        policy = calls.arn.apply(lambda arn: document("lambda:InvokeFunction", None, arn))
        aws.iam.RolePolicy(f"{name}-calls", role=role.name, policy=policy)
    return aws.lambda_.Function(
        name, role=role.arn, runtime="python3.13", handler="index.handler", code=pulumi.AssetArchive({"index.py": pulumi.StringAsset("")}),
        tags=own, **more)
"""


@dataclass(frozen=True)
class AntiPattern:
    """Lines around the program of a stack, and what blocks then: control and resource, and what the finding says."""

    stack: str
    found: dict[tuple[str, str], str]
    after: str = ""
    before: str = ""


ANTI_PATTERNS = {
    "a database shared by two services": AntiPattern(
        "prod",
        before=transform(
            "aws:ec2/launchTemplate:LaunchTemplate", "shop-app-template", "props['tags'] = {**props['tags'], 'Service': 'shop'}"
        ),
        after=SERVICES + "function('invoices', service='billing', vpc_config={'subnet_ids': list(network.subnet_ids('private').values()),"
        " 'security_group_ids': [shop.security_group_ids['app']]})\n",
        found={("database-of-one-service", "shop-db-cluster"): "is shared by the services billing, shop"},
    ),
    "a synchronous chain of three service calls": AntiPattern(
        "prod",
        after=SERVICES
        + "last = function('stock')\nthird = function('prices', last)\nsecond = function('basket', third)\nfunction('checkout', second)\n",
        found={("synchronous-chain", "checkout"): "may begin a chain of 3 synchronous calls: checkout -> basket -> prices -> stock"},
    ),
    "a worker without a dead-letter queue": AntiPattern(
        "prod",
        after=SERVICES + "jobs = aws.sqs.Queue('jobs', visibility_timeout_seconds=180, tags=tags)\n"
        "aws.lambda_.EventSourceMapping('jobs', function_name=function('worker').arn, event_source_arn=jobs.arn,"
        " function_response_types=['ReportBatchItemFailures'], tags=tags)\n",
        found={("queue-dead-letters", "jobs"): "has no dead-letter queue"},
    ),
    "resources without cost tags": AntiPattern(
        "prod",
        before="import pulumi\n"
        "def _untagged(args):\n"
        "    props = {key: value for key, value in args.props.items() if args.name != 'shop-db-cluster' or key != 'tags'}\n"
        "    return pulumi.ResourceTransformResult(props=props, opts=args.opts)\n"
        "pulumi.runtime.register_resource_transform(_untagged)\n",
        found={("required-tags", "shop-db-cluster"): "has no tag"},
    ),
    "production sizes around the clock in a stack for development": AntiPattern(
        "dev",
        before=transform("aws:rds/instance:Instance", "shop-db-instance", "props['instanceClass'] = 'db.r8g.4xlarge'"),
        found={("small-outside-production", "shop-db-instance"): "runs on db.r8g.4xlarge, a size for production"},
    ),
}


@pytest.mark.parametrize("name", ANTI_PATTERNS)
def test_an_anti_pattern_blocks(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    made = ANTI_PATTERNS[name]
    folder = copy_project(tmp_path / "project", made.before, made.after)
    pack = ("--policy-pack", str(PACK), "--policy-pack-config", str(PACK / f"{made.stack}.json"))
    code, report = preview(capfd, folder, "--stack", made.stack, *pack)
    assert code == 1
    blocking = {
        (one["control"], one["urn"].rpartition("::")[2]): one["message"] for one in report["findings"] if one["level"] == "mandatory"
    }
    assert blocking.keys() == made.found.keys()
    for place, message in made.found.items():
        assert message in blocking[place]
