"""Breaking the program blocks: each variant is the program as it is shipped and a few lines more, with the stack and the profile of prod.

Exactly the broken resource is found, by the control that is about it, with the remedy; and the program as it is blocks nothing.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from offline_preview import cli

from tests.program import ROOT, STACKS, copy_project

SECURITY = ROOT / "policies" / "security"
AWS = "import pulumi_aws as aws\n"


def admit(name: str, group: str, port: int, **source: str) -> str:
    """A rule that lets a network in on a port of one of the storefront's groups."""
    return (
        f"aws.vpc.SecurityGroupIngressRule({name!r}, security_group_id=shop.security_group_ids[{group!r}], description='For a moment',"
        f" ip_protocol='tcp', from_port={port}, to_port={port}, **{source!r})\n"
    )


def transform(type_: str, name: str, change: str) -> str:
    """Lines before the program that change the properties ``props`` of one of its resources."""
    return (
        "import pulumi\n"
        "def _change(args):\n"
        f"    if (args.type_, args.name) == ({type_!r}, {name!r}):\n"
        f"        props = {{**args.props}}\n        {change}\n"
        "        return pulumi.ResourceTransformResult(props=props, opts=args.opts)\n"
        "pulumi.runtime.register_resource_transform(_change)\n"
    )


@dataclass(frozen=True)
class Variant:
    """Lines around the program, and what is found then: control and resource, and what the finding of the first says."""

    found: dict[tuple[str, str], str]
    after: str = ""
    before: str = ""


OPEN_PORT = ("security-group-high-risk-ports", "security-group-authorized-ports", "functional-firewall")
EVERYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
VARIANTS = {
    "the database's port open to everybody": Variant(
        after=AWS + admit("hole", "mysql", 3306, cidr_ipv4="0.0.0.0/0"),
        found={(control, "hole"): "port 3306 (MySQL)" for control in OPEN_PORT},
    ),
    "the database's port open to both halves of everybody": Variant(
        after=AWS + admit("low", "mysql", 3306, cidr_ipv4="0.0.0.0/1") + admit("high", "mysql", 3306, cidr_ipv4="128.0.0.0/1"),
        found={(control, name): "port 3306 (MySQL)" for control in OPEN_PORT for name in ("low", "high")},
    ),
    "SSH open to everybody over IPv6": Variant(
        after=AWS + admit("hole", "app", 22, cidr_ipv6="::/0"),
        found={(control, "hole"): "port 22 (SSH)" for control in (*OPEN_PORT, "operational-firewall", "security-group-ssh")},
    ),
    "a way out for a data subnet": Variant(
        after=AWS
        + "aws.ec2.Route('hole', route_table_id=network.route_table_ids('data')['eu-west-1a'], destination_cidr_block='0.0.0.0/0',"
        " nat_gateway_id=nat.nat_gateway_ids_by_zone['eu-west-1a'])",
        # Before the deployment the route depends on the gateways of all zones; which it is, is said only afterwards.
        found={("private-subnet-nat", "hole"): ": RDS cluster shop-db-cluster -> DB subnet group shop-db-subnets -> "},
    ),
    "a public database": Variant(
        before=transform("aws:rds/clusterInstance:ClusterInstance", "shop-db-eu-west-1a", "props['publiclyAccessible'] = True"),
        found={("rds-private", "shop-db-eu-west-1a"): "is publicly accessible"},
    ),
    "the database moved to a public subnet, public, with its port open to everybody": Variant(
        # The older kind of transformation: its values keep what they depend on.
        before="import pulumi\n"
        "def _move(args):\n"
        "    props = dict(args.props)\n"
        "    if args.name == 'shop-db-subnets':\n"
        "        props['subnet_ids'] = list(network.subnet_ids('public').values())\n"
        "    if args.name == 'shop-db-eu-west-1a':\n"
        "        props['publicly_accessible'] = True\n"
        "    if args.name == 'shop-firewall-mysql-from-app-3306':\n"
        "        del props['referenced_security_group_id']\n"
        "        props['cidr_ipv4'] = '0.0.0.0/0'\n"
        "    return pulumi.ResourceTransformationResult(props=props, opts=args.opts)\n"
        "pulumi.runtime.register_stack_transformation(_move)\n",
        found={
            **{(control, "shop-firewall-mysql-from-app-3306"): "port 3306 (MySQL)" for control in OPEN_PORT},
            ("rds-private", "shop-db-eu-west-1a"): "is publicly accessible",
            ("private-subnet-nat", "shop-db-subnets"): "is in a public subnet, but a data store must not have internet egress: ",
            ("no-path", "shop-db-cluster"): "is reached by the internet on port 3306 (MySQL): internet -> "
            "internet gateway network-gateway -> route table network-public -> subnet network-public-eu-west-1a -> "
            "network ACL network-acl-public -> "
            "rule shop-firewall-mysql-from-app-3306 -> security group shop-firewall-mysql -> RDS cluster shop-db-cluster - statements.0.",
        },
    ),
    "a volume that is not encrypted": Variant(
        after=AWS + "aws.ebs.Volume('hole', availability_zone='eu-west-1a', size=10)",
        found={("ebs-volume-encrypted", "hole"): "does not encrypt volume hole"},
    ),
    "a load balancer without HTTPS": Variant(
        before=transform(
            "aws:lb/listener:Listener",
            "shop-origin-https",
            "props.update(protocol='HTTP'); del props['sslPolicy'], props['certificateArn']",
        ),
        found={("alb-http-redirect", "shop-origin-https"): "answers plain HTTP with forward"},
    ),
    "a role that may do everything": Variant(
        after=AWS + f"aws.iam.RolePolicy('hole', role=shop.server_role_arn.apply(lambda arn: arn.split('/')[-1]), policy={EVERYTHING!r})",
        found={
            ("iam-policy-no-administrator", "hole"): "allows every action on every resource",
            ("iam-policy-no-action-wildcard", "hole"): "allows every action in statement",
        },
    ),
}
# What follows references is proven without knowing an id, as in the CLI's preview. The other controls read what the program writes.
PREVIEWED = [
    "the database's port open to everybody",
    "the database's port open to both halves of everybody",
    "SSH open to everybody over IPv6",
    "a way out for a data subnet",
    "the database moved to a public subnet, public, with its port open to everybody",
]


def preview(capfd: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, Any]:
    """Exit code and JSON report of a preview."""
    code = cli.main(["--project", str(folder), "--json", "-", *arguments])
    captured = capfd.readouterr()
    assert code in (0, 1), captured.err
    return code, json.loads(captured.out)


@pytest.mark.parametrize(("name", "mode"), [*((name, "deployed") for name in VARIANTS), *((name, "preview") for name in PREVIEWED)])
def test_breaking_the_program_blocks(name: str, mode: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    variant = VARIANTS[name]
    folder = copy_project(tmp_path / "project", variant.before, variant.after)
    pack = ("--policy-pack", str(SECURITY), "--policy-pack-config", str(SECURITY / "prod.json"))
    code, report = preview(capfd, folder, "--stack", "prod", *pack, "--as", mode)
    assert code == 1
    urns = {one["name"]: one["urn"] for one in report["resources"] if one["custom"]}
    blocking = [one for one in report["findings"] if one["level"] == "mandatory"]
    assert {(one["control"], one["urn"]) for one in blocking} == {(control, urns[resource]) for control, resource in variant.found}
    for one in blocking:
        assert one["verdict"] == "fail"
        assert variant.found[one["control"], one["urn"].rpartition("::")[2]] in one["message"]
        assert one["remediation"]
        assert f" Remedy: {one['remediation']} https://docs.aws.amazon.com/" in one["message"]


# What Pulumi.dev.yaml does without, and its profile lets it: to be cheap, small and easy to delete.
LOOSENED = {
    ("lb-deletion-protection", "shop-web-lb"),
    ("rds-deletion-protection", "shop-db-instance"),
    ("rds-instance-multi-az", "shop-db-instance"),
    ("rds-backups", "shop-db-instance"),
    ("elasticache-failover", "shop-cache-cache"),
    ("nat-gateway-default-route", "nat-eu-west-1a"),
    ("nat-gateway-default-route", "nat-eu-west-1b"),
    ("schedule-dead-letters", "nat-close-patch"),
    ("schedule-dead-letters", "nat-open-patch"),
    # Without topics there are no alarms.
    ("dead-letters-alarmed", "office-hours-failed"),
    ("zone-loss", "nat-eu-west-1b"),
    ("zone-loss", "shop-cache-cache"),
    ("zone-loss", "shop-db-instance"),
    # Of either stack: what no control looks at.
    ("resource-types-judged", "cloudpatterns-dev"),
}


@pytest.mark.parametrize("mode", ["deployed", "preview"])
def test_the_program_as_it_is_shipped_complies(mode: str, capfd: pytest.CaptureFixture[str]) -> None:
    code, reports = preview(capfd, ROOT, "--as", mode)
    assert code == 0
    assert [report["stack"] for report in reports] == list(STACKS)
    dev, prod = ([one for one in report["findings"] if one["verdict"] == "fail"] for report in reports)
    # No server calls EC2's API, so none pays for an endpoint. A preview does not know the region, and so not which services have one.
    advice = {("vpc-ec2-endpoint", "network-vpc")} if mode == "deployed" else set()
    assert {(one["control"], one["urn"].rpartition("::")[2]) for one in dev} == LOOSENED | advice
    kept = {("resource-types-judged", "cloudpatterns-prod")}
    # Of the CDN: the application answers /, and there is no second one to fail over to.
    kept |= {(control, "shop-cdn-distribution") for control in ("cloudfront-default-root-object", "cloudfront-origin-failover")}
    assert {(one["control"], one["urn"].rpartition("::")[2]) for one in prod} == kept | advice
    assert {one["level"] for one in (*dev, *prod)} == {"advisory"}
