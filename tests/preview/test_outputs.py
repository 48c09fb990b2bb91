"""What the preview invents: regions, ARNs and ids of AWS's form."""

from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from offline_preview.graph import Graph
from offline_preview.record import record
from offline_preview.values import UNKNOWN, Secret

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
