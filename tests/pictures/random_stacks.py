"""Random stacks for the tests of pictures: catalogue examples together in one stack, and plain resources wired at random.

`python -m tests.pictures.random_stacks NUMBER...` prints the digests of the pictures of the stacks with these numbers.
"""

import hashlib
import json
import random
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pulumi
import pulumi_aws as aws
from cloudpatterns.plugin import snippets
from cloudpatterns_pictures import draw
from offline_preview.graph import Graph

from catalogue.pages import Pattern, patterns
from tests.harness import record

# Quickly recorded ones of each subpackage: with a network and without, small and with many arrows.
POOL = (
    "ApiGateway",
    "Cqrs",
    "DirectStorageHosting",
    "EventBus",
    "FanOut",
    "FloatingIp",
    "MultiServer",
    "OnDemandNat",
    "QueuingChain",
    "UserDirectory",
)
_WORDS = ("a", "api", "Orders", "WWWMMM", "very_long_name_without_any_dash_in_it", "shop-front", "größe", "b.c.d", "x1")
_PORTS = (22, 80, 443, 3306, 5432, 6379, 8080)


def stack(number: int) -> Graph:
    """The random stack of a number: odd ones are plain resources, even ones two to five examples."""
    chance = random.Random(number)
    if number % 2:
        return record(lambda: _plain(chance), mode="deployed")
    return together(chance.sample(POOL, chance.randint(2, 5)))


def together(names: list[str]) -> Graph:
    """Examples in one stack."""
    graphs = [_recorded(name) for name in names]
    first = graphs[0]
    # The stack itself and the default providers are in each of them.
    resources = {resource.urn: resource for graph in graphs for resource in graph.resources}
    return Graph(first.project, first.stack, list(resources.values()))


@cache
def _recorded(name: str) -> Graph:
    [pattern] = [pattern for pattern in patterns() if pattern.name == name]
    return record(_renamed(pattern), mode="deployed")


def _renamed(pattern: Pattern) -> Callable[[], None]:
    """An example as a program whose resources have names of their own: others create a network with the same name."""
    example = snippets.example(pattern.component)
    assert example is not None

    def program() -> None:
        with _prefixed(pattern.name[:3].lower()):
            example()

    return program


@contextmanager
def _prefixed(prefix: str) -> Generator[None]:
    register = pulumi.Resource.__init__

    def renamed(self: Any, t: str, name: str, *args: Any, **options: Any) -> None:
        register(self, t, name if t.startswith("pulumi:") else f"{prefix}-{name}", *args, **options)

    pulumi.Resource.__init__ = renamed
    try:
        yield
    finally:
        pulumi.Resource.__init__ = register


def _plain(chance: random.Random) -> None:
    """VPCs, subnets, security groups, functions, queues, topics, buckets and tables, wired at random."""
    names = (f"{chance.choice(_WORDS)}-{number}" for number in range(1000))
    subnets: list[tuple[aws.ec2.Subnet, list[aws.ec2.SecurityGroup]]] = []
    for _ in range(chance.randint(0, 2)):
        vpc = aws.ec2.Vpc(next(names), cidr_block="10.0.0.0/16")
        own = [aws.ec2.SecurityGroup(next(names), vpc_id=vpc.id) for _ in range(chance.randint(1, 4))]
        for group in own:
            aws.vpc.SecurityGroupEgressRule(next(names), security_group_id=group.id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0")
            for port in chance.sample(_PORTS, chance.randint(0, 3)):
                ports: Any = {"from_port": port, "to_port": port, "ip_protocol": "tcp"}
                aws.vpc.SecurityGroupIngressRule(
                    next(names), security_group_id=group.id, referenced_security_group_id=chance.choice(own).id, **ports
                )
        zones = chance.sample("abc", chance.randint(1, 3))
        subnets += [
            (aws.ec2.Subnet(next(names), vpc_id=vpc.id, cidr_block="10.0.0.0/24", availability_zone=f"eu-west-1{zone}"), own)
            for zone in zones
        ]
    for _ in range(chance.randint(0, 6) if subnets else 0):
        subnet, groups = chance.choice(subnets)
        chosen = [group.id for group in chance.sample(groups, chance.randint(1, min(2, len(groups))))]
        aws.ec2.Instance(next(names), subnet_id=subnet.id, vpc_security_group_ids=chosen, ami="ami-1", instance_type="t3.micro")
    queues = [aws.sqs.Queue(next(names)) for _ in range(chance.randint(0, 8))]
    topics = [aws.sns.Topic(next(names)) for _ in range(chance.randint(0, 4))]
    buckets = [aws.s3.Bucket(next(names)) for _ in range(chance.randint(0, 4))]
    attributes: Any = [{"name": "id", "type": "S"}]
    tables = [aws.dynamodb.Table(next(names), hash_key="id", attributes=attributes) for _ in range(chance.randint(0, 4))]
    functions: list[aws.lambda_.Function] = []
    for _ in range(chance.randint(1, 8)):
        role = aws.iam.Role(next(names), assume_role_policy="{}")
        functions.append(aws.lambda_.Function(next(names), role=role.arn, runtime="python3.13", handler="a.b"))
        if used := chance.sample([*queues, *buckets, *tables], min(chance.randint(0, 3), len(queues + buckets + tables))):
            text = pulumi.Output.all(*(one.arn for one in used)).apply(
                lambda arns: json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": arns}]})
            )
            aws.iam.RolePolicy(next(names), role=role.id, policy=text)
    for queue in queues:
        if chance.random() < 0.6:
            function = chance.choice(functions)
            aws.lambda_.EventSourceMapping(next(names), event_source_arn=queue.arn, function_name=function.arn)
    for topic in topics:
        for target in chance.sample([*queues, *functions], min(3, len(queues + functions))):
            aws.sns.TopicSubscription(next(names), topic=topic.arn, protocol="sqs", endpoint=target.arn)


if __name__ == "__main__":
    for number in map(int, sys.argv[1:]):
        print(number, hashlib.sha256(draw(stack(number)).encode()).hexdigest())
