"""What the preview invents: regions, ARNs and ids of AWS's form."""

import re
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns_policies.controls.federation import iam_oidc_trust_limited
from cloudpatterns_policies.core import Fail
from offline_preview.graph import Graph
from offline_preview.record import record
from offline_preview.values import UNKNOWN, Secret

from tests.policies.helpers import resource, verdicts

HOME = {"aws:region": "eu-west-1"}


class Box(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Box", name, {}, opts)
        aws.sqs.Queue(f"{name}-queue", opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({})


def deployed(program: Any) -> Graph:
    return record(program, deployed=True, config=HOME)


def test_what_is_invented_follows_the_region_of_the_provider() -> None:
    def program() -> None:
        china = aws.Provider("china", region="cn-north-1")
        government = aws.Provider("government", region="us-gov-west-1")
        virginia = aws.Provider("virginia", region="us-east-1")
        aws.sqs.Queue("none")
        aws.sqs.Queue("explicit", opts=pulumi.ResourceOptions(provider=china))
        aws.sqs.Queue("own", region="eu-north-1", opts=pulumi.ResourceOptions(provider=virginia))
        Box("listed", pulumi.ResourceOptions(providers=[government]))
        Box("single", pulumi.ResourceOptions(provider=virginia))
        aws.sqs.Queue.get("read", "id", opts=pulumi.ResourceOptions(provider=virginia))
        aws.acm.Certificate("certificate", domain_name="shop.example", opts=pulumi.ResourceOptions(provider=virginia))

    graph = deployed(program)
    places = {one.name: tuple(one.outputs["arn"].split(":")[1:4:2]) for one in graph.resources if "arn" in one.outputs}
    assert places == {
        "none": ("aws", "eu-west-1"),
        "explicit": ("aws-cn", "cn-north-1"),
        "own": ("aws", "eu-north-1"),
        "listed-queue": ("aws-us-gov", "us-gov-west-1"),
        "single-queue": ("aws", "us-east-1"),
        "read": ("aws", "us-east-1"),
        "certificate": ("aws", "us-east-1"),
    }
    assert graph.named("explicit").outputs["region"] == "cn-north-1"
    assert graph.named("explicit").outputs["url"].endswith(".cn-north-1.amazonaws.com.cn")


def test_a_region_that_is_unknown_or_secret_is_that_of_the_stack() -> None:
    def program() -> None:
        key = aws.kms.Key("key")
        for name, region in (("unknown", key.multi_region.apply(lambda _: "us-east-1")), ("secret", pulumi.Output.secret("us-east-1"))):
            provider = aws.Provider(name, region=region)
            aws.sqs.Queue(f"{name}-queue", opts=pulumi.ResourceOptions(provider=provider))

    graph = deployed(program)
    assert (graph.named("unknown").inputs["region"], graph.named("secret").inputs["region"]) == (UNKNOWN, Secret("us-east-1"))
    assert {graph.named(f"{name}-queue").outputs["arn"].split(":")[3] for name in ("unknown", "secret")} == {"eu-west-1"}


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("us-east-1", "aws", "amazonaws.com"),
        ("us-gov-east-1", "aws-us-gov", "amazonaws.com"),
        ("cn-northwest-1", "aws-cn", "amazonaws.com.cn"),
    ],
)
def test_functions_follow_the_region_of_the_provider(region: str, partition: str, suffix: str) -> None:
    def program() -> None:
        provider = aws.Provider("p", region=region)
        options = pulumi.InvokeOptions(provider=provider)
        box = pulumi.ComponentResource("test:index:Empty", "e", {}, pulumi.ResourceOptions(providers=[provider]))
        pulumi.export("region", aws.get_region(opts=options).region)
        pulumi.export("inherited", aws.get_region_output(opts=pulumi.InvokeOutputOptions(parent=box)).region)
        pulumi.export("own", aws.get_region(region="eu-north-1", opts=options).region)
        pulumi.export("partition", aws.get_partition(opts=options).partition)
        pulumi.export("suffix", aws.get_partition(opts=options).dns_suffix)
        pulumi.export("zone", aws.get_availability_zones(opts=options).names[0])
        pulumi.export("caller", aws.get_caller_identity(opts=options).arn)
        pulumi.export("topic", aws.sns.get_topic(name="t", opts=options).arn.rpartition(":")[0])
        pulumi.export("stack", aws.get_region().region)

    assert deployed(program).outputs == {
        "region": region,
        "inherited": region,
        "own": "eu-north-1",
        "partition": partition,
        "suffix": suffix,
        "zone": f"{region}a",
        "caller": f"arn:{partition}:iam::123456789012:user/offline",
        "topic": f"arn:{partition}:sns:{region}:123456789012",
        "stack": "eu-west-1",
    }


HERE = "eu-west-1:123456789012"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.mark.parametrize(
    ("make", "form"),
    [
        (lambda: aws.acm.Certificate("n", domain_name="shop.example"), f"acm:{HERE}:certificate/{UUID}"),
        (lambda: aws.apigateway.RestApi("n"), r"apigateway:eu-west-1::/restapis/n-\w{7}"),
        (lambda: aws.apigatewayv2.Api("n", protocol_type="HTTP"), r"apigateway:eu-west-1::/apis/n-\w{7}"),
        (lambda: aws.backup.Vault("n", name="v"), f"backup:{HERE}:backup-vault:v"),
        (lambda: aws.cloudfront.Function("n", name="f", code="", runtime="cloudfront-js-2.0"), "cloudfront::123456789012:function/f"),
        (lambda: aws.cloudwatch.EventRule("n", name="r"), f"events:{HERE}:rule/r"),
        (lambda: aws.cloudwatch.EventRule("n", name="r", event_bus_name="default"), f"events:{HERE}:rule/r"),
        (lambda: aws.cloudwatch.EventRule("n", name="r", event_bus_name="shop"), f"events:{HERE}:rule/shop/r"),
        (lambda: aws.cloudwatch.EventBus("n", name="b"), f"events:{HERE}:event-bus/b"),
        (lambda: aws.cloudwatch.LogGroup("n", name="/shop/g"), f"logs:{HERE}:log-group:/shop/g"),
        (lambda: aws.cognito.UserPool("n"), rf"cognito-idp:{HERE}:userpool/eu-west-1_\w{{9}}"),
        (lambda: aws.cognito.IdentityPool("n", identity_pool_name="p"), f"cognito-identity:{HERE}:identitypool/eu-west-1:{UUID}"),
        (lambda: aws.dynamodb.Table("n", name="t", attributes=[], hash_key="k"), f"dynamodb:{HERE}:table/t"),
        (lambda: aws.ec2.SecurityGroup("n"), f"ec2:{HERE}:security-group/sg-[0-9a-f]{{17}}"),
        (lambda: aws.ecr.Repository("n", name="shop/web"), f"ecr:{HERE}:repository/shop/web"),
        (lambda: aws.ecs.Cluster("n", name="c"), f"ecs:{HERE}:cluster/c"),
        (lambda: aws.ecs.TaskDefinition("n", family="f", container_definitions="[]"), f"ecs:{HERE}:task-definition/f:1"),
        (lambda: aws.efs.FileSystem("n"), f"elasticfilesystem:{HERE}:file-system/fs-[0-9a-f]{{17}}"),
        (lambda: aws.elasticache.ReplicationGroup("n", description="d"), rf"elasticache:{HERE}:replicationgroup:n-\w{{7}}"),
        (lambda: aws.iam.Group("n", name="g", path="/a/b/"), "iam::123456789012:group/a/b/g"),
        (lambda: aws.iam.InstanceProfile("n", name="p"), "iam::123456789012:instance-profile/p"),
        (
            lambda: aws.iam.OpenIdConnectProvider("n", url="https://gitlab.com", client_id_lists=[]),
            "iam::123456789012:oidc-provider/gitlab.com",
        ),
        (lambda: aws.iam.Policy("n", name="p", path="/a/", policy="{}"), "iam::123456789012:policy/a/p"),
        (lambda: aws.iam.Role("n", name="r", assume_role_policy="{}"), "iam::123456789012:role/r"),
        (lambda: aws.iam.Role("n", name="r", path="/a/", assume_role_policy="{}"), "iam::123456789012:role/a/r"),
        (lambda: aws.iam.SamlProvider("n", name="s", saml_metadata_document="<a/>"), "iam::123456789012:saml-provider/s"),
        (lambda: aws.iam.User("n", name="u"), "iam::123456789012:user/u"),
        (lambda: aws.kinesis.Stream("n", name="s"), f"kinesis:{HERE}:stream/s"),
        (lambda: aws.kms.Key("n"), f"kms:{HERE}:key/{UUID}"),
        (lambda: aws.kms.Alias("n", name="alias/a", target_key_id="k"), f"kms:{HERE}:alias/a"),
        (lambda: aws.lambda_.Function("n", name="f", role="r"), f"lambda:{HERE}:function:f"),
        (lambda: aws.lb.LoadBalancer("n", name="b"), f"elasticloadbalancing:{HERE}:loadbalancer/app/b/[0-9a-f]{{16}}"),
        (
            lambda: aws.lb.LoadBalancer("n", name="b", load_balancer_type="network"),
            f"elasticloadbalancing:{HERE}:loadbalancer/net/b/[0-9a-f]{{16}}",
        ),
        (
            lambda: aws.lb.LoadBalancer("n", name="b", load_balancer_type="gateway"),
            f"elasticloadbalancing:{HERE}:loadbalancer/gwy/b/[0-9a-f]{{16}}",
        ),
        (lambda: aws.lb.TargetGroup("n", name="t"), f"elasticloadbalancing:{HERE}:targetgroup/t/[0-9a-f]{{16}}"),
        (lambda: aws.rds.Cluster("n", cluster_identifier="c", engine="aurora-mysql"), f"rds:{HERE}:cluster:c"),
        (lambda: aws.rds.SubnetGroup("n", name="g", subnet_ids=[]), f"rds:{HERE}:subgrp:g"),
        (lambda: aws.route53.Zone("n", name="shop.example"), r"route53:::hostedzone/Z\w{20}"),
        (lambda: aws.s3.Bucket("n", bucket="b"), "s3:::b"),
        (lambda: aws.s3.AccessPoint("n", name="a", bucket="b"), f"s3:{HERE}:accesspoint/a"),
        (lambda: aws.secretsmanager.Secret("n", name="shop/db"), rf"secretsmanager:{HERE}:secret:shop/db-\w{{6}}"),
        (lambda: aws.sfn.StateMachine("n", name="m", role_arn="r", definition="{}"), f"states:{HERE}:stateMachine:m"),
        (lambda: aws.sns.Topic("n", name="t"), f"sns:{HERE}:t"),
        (lambda: aws.sqs.Queue("n", name="q"), f"sqs:{HERE}:q"),
        (lambda: aws.ssm.Parameter("n", name="/shop/p", type="String", value="v"), f"ssm:{HERE}:parameter/shop/p"),
        (lambda: aws.wafv2.IpSet("n", name="s", scope="REGIONAL", ip_address_version="IPV4"), f"wafv2:{HERE}:regional/ipset/s/{UUID}"),
        (lambda: aws.wafv2.IpSet("n", name="s", scope="CLOUDFRONT", ip_address_version="IPV4"), f"wafv2:{HERE}:global/ipset/s/{UUID}"),
    ],
)
def test_arns_have_the_form_of_aws(make: Any, form: str) -> None:
    assert re.fullmatch(f"arn:aws:{form}", deployed(make).named("n").outputs["arn"])


def test_arns_of_what_belongs_to_a_resource() -> None:
    def program() -> None:
        aws.lambda_.Function("f", name="f", role="r")
        aws.dynamodb.Table("t", name="t", attributes=[], hash_key="k", stream_enabled=True)
        aws.apigateway.RestApi("a")
        cluster = aws.ecs.Cluster("c", name="c")
        aws.ecs.Service("s", name="s", cluster=cluster.arn)
        aws.ecs.Service("d", name="s")
        aws.lb.LoadBalancer("l", name="l", load_balancer_type="network")

    graph = deployed(program)
    function = f"arn:aws:lambda:{HERE}:function:f"
    assert graph.named("f").outputs["qualifiedArn"] == f"{function}:1"
    assert graph.named("f").outputs["invokeArn"] == f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{function}/invocations"
    assert graph.named("t").outputs["streamArn"].startswith(f"arn:aws:dynamodb:{HERE}:table/t/stream/20")
    assert graph.named("a").outputs["executionArn"] == f"arn:aws:execute-api:{HERE}:{graph.named('a').id}"
    assert graph.named("s").outputs["arn"] == f"arn:aws:ecs:{HERE}:service/c/s"
    assert graph.named("d").outputs["arn"] == f"arn:aws:ecs:{HERE}:service/default/s"
    assert re.fullmatch("net/l/[0-9a-f]{16}", graph.named("l").outputs["arnSuffix"])


TEMPLATE = """
Parameters: {Days: {Type: Number, Default: 7}, Stage: {Type: String, Default: test}}
Resources:
  Orders: {Type: AWS::DynamoDB::Table}
  Store: {Type: AWS::RDS::DBInstance}
Outputs:
  Table: {Value: !Ref Orders}
  TableArn: {Value: !GetAtt Orders.Arn}
  Port: {Value: !GetAtt [Store, Endpoint.Port]}
  Days: {Value: !Ref Days}
  Stage: {Value: !Ref Stage}
  Encrypted: {Value: true}
  Zones: {Value: !Join [",", !GetAZs ""]}
"""


def test_a_stack_of_cloudformation_has_the_outputs_of_its_template() -> None:
    def program() -> None:
        aws.cloudformation.Stack("orders", name="orders", template_body=TEMPLATE, parameters={"Stage": "live"})
        aws.cloudformation.Stack("json", name="json", template_body='{"Outputs": {"A": {"Value": {"Ref": "Queue"}}}}')
        for name, body in (("broken", "a: ["), ("list", "[]")):
            aws.cloudformation.Stack(name, template_body=body)
        aws.cloudformation.Stack("url", template_url="https://t.s3.amazonaws.com/a.yaml")

    graph = deployed(program)
    found = graph.named("orders").outputs["outputs"]
    table, zones = found.pop("Table"), found.pop("Zones")
    assert re.fullmatch(r"orders-Orders-[0-9a-f]{8}", table)
    assert re.fullmatch(r"orders-Zones-[0-9a-f]{8}", zones)
    assert found == {
        "TableArn": "arn:aws:dynamodb:eu-west-1:123456789012:table/orders-Orders",
        "Port": "443",
        "Days": "7",
        "Stage": "live",
        "Encrypted": "true",
    }
    assert graph.named("orders").id.startswith("arn:aws:cloudformation:eu-west-1:123456789012:stack/orders/")
    assert graph.named("json").outputs["outputs"].keys() == {"A"}
    assert {graph.named(name).outputs["outputs"] for name in ("broken", "list", "url")} == {UNKNOWN}


def test_ids_that_aws_generates_are_in_the_arn() -> None:
    def program() -> None:
        origin: Any = {"origins": [], "enabled": True, "default_cache_behavior": {}, "restrictions": {}, "viewer_certificate": {}}
        aws.cloudfront.Distribution("distribution", **origin)
        aws.route53.Zone("zone", name="shop.example")
        aws.kms.Key("key")
        aws.cognito.UserPool("pool")
        aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")

    graph = deployed(program)
    ids = {name: graph.named(name).id for name in ("distribution", "zone", "key", "pool", "vpc")}
    assert {name: graph.named(name).outputs["arn"].rpartition("/")[2] for name in ids} == ids
    assert graph.named("distribution").outputs["arn"].startswith("arn:aws:cloudfront::123456789012:distribution/E")
    assert (graph.named("zone").outputs["zoneId"], graph.named("key").outputs["keyId"]) == (ids["zone"], ids["key"])


def test_the_issuer_of_a_provider_may_be_an_output_and_its_id_is_the_arn() -> None:
    def program() -> None:
        cluster = aws.eks.Cluster("c", role_arn="r", vpc_config={"subnet_ids": []})
        issuer = cluster.identities[0].oidcs[0].issuer
        aws.iam.OpenIdConnectProvider("p", url=issuer, client_id_lists=["sts.amazonaws.com"])

    provider = deployed(program).named("p")
    assert provider.outputs["arn"] == f"arn:aws:iam::123456789012:oidc-provider/{provider.inputs['url'].removeprefix('https://')}"
    assert provider.id == provider.outputs["arn"]


def test_functions_find_ids_of_the_form_of_aws() -> None:
    def program() -> None:
        image = aws.ec2.get_ami(owners=["amazon"])
        pulumi.export("image", image.id)
        pulumi.export("same", image.image_id)
        pulumi.export("arn", image.arn)
        pulumi.export("images", aws.ec2.get_ami_ids(owners=["amazon"]).ids[0])
        pulumi.export("vpc", aws.ec2.get_vpc().id)
        pulumi.export("vpcs", aws.ec2.get_vpcs().ids[0])
        pulumi.export("group", aws.ec2.get_security_groups().ids[0])
        pulumi.export("instance", aws.ec2.get_instances().ids[0])
        pulumi.export("table", aws.ec2.get_route_tables().ids[0])
        pulumi.export("interface", aws.ec2.get_network_interfaces().ids[0])
        pulumi.export("snapshot", aws.ebs.get_snapshot().id)
        pulumi.export("volume", aws.ebs.get_volume().id)
        pulumi.export("address", aws.ec2.get_elastic_ip().id)
        pulumi.export("files", aws.efs.get_file_system().file_system_id)
        pulumi.export("key", aws.kms.get_key(key_id="alias/a").arn)
        pulumi.export("zone", aws.route53.get_zone(name="shop.example").arn)

    outputs = deployed(program).outputs
    assert outputs["same"] == outputs["image"]
    assert outputs["arn"] == f"arn:aws:ec2:eu-west-1::image/{outputs['image']}"
    prefixes = ("ami", "ami", "vpc", "vpc", "sg", "i", "rtb", "eni", "snap", "vol", "eipalloc", "fs")
    names = ("image", "images", "vpc", "vpcs", "group", "instance", "table", "interface", "snapshot", "volume", "address", "files")
    for name, prefix in zip(names, prefixes, strict=True):
        assert re.fullmatch(f"{prefix}-[0-9a-f]{{17}}", outputs[name]), (name, outputs[name])
    assert re.fullmatch(f"arn:aws:kms:{HERE}:key/{UUID}", outputs["key"])
    assert re.fullmatch(r"arn:aws:route53:::hostedzone/Z\w{20}", outputs["zone"])


def test_controls_see_which_provider_a_role_trusts_by_reference() -> None:
    issuer = "token.actions.githubusercontent.com"

    def program() -> None:
        github = aws.iam.OpenIdConnectProvider("github", url=f"https://{issuer}", client_id_lists=["sts.amazonaws.com"])
        trust = {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": github.arn}}
        aws.iam.Role("r", assume_role_policy=pulumi.Output.json_dumps({"Statement": [trust]}))

    role = deployed(program).named("r")
    found = verdicts(iam_oidc_trust_limited, resource(role.type, props=role.inputs))
    assert found == [Fail("trusts every repository of GitHub in statement 1", "assumeRolePolicy")]
