"""A serverless collection that is reached through an endpoint of the VPC alone."""

from typing import Any, NamedTuple

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import MetricSearch, alarm
from cloudpatterns.core import Component, after
from cloudpatterns.database._shared import unique_name
from cloudpatterns.database.search_index.arguments import SearchIndexArgs, SearchIndexCollectionArgs

_READ = ("aoss:DescribeIndex", "aoss:ReadDocument")
_WRITE = ("aoss:CreateIndex", "aoss:UpdateIndex", "aoss:WriteDocument")
_ADMIN = ("aoss:DeleteIndex",)


class MadeCollection(NamedTuple):
    """A collection, its URL, available after its policies, its name and the endpoint through which it is reached."""

    collection: aws.opensearch.ServerlessCollection
    endpoint: pulumi.Output[str]
    name: pulumi.Output[str]
    vpc_endpoint_id: pulumi.Output[str]


def create_collection(
    component: Component, name: str, checked: SearchIndexArgs, collection: SearchIndexCollectionArgs, kms_key_arn: pulumi.Input[str]
) -> MadeCollection:
    """A collection of the generation that scales to nothing, with its policies of encryption, network and data."""
    group = aws.opensearch.ServerlessCollectionGroup(
        f"{name}-group",
        description=f"Capacity of {name}",
        generation="NEXTGEN",
        # The generation allows nothing else.
        standby_replicas="ENABLED",
        capacity_limits=[
            {
                "min_indexing_capacity_in_ocu": 0,
                "min_search_capacity_in_ocu": 0,
                "max_indexing_capacity_in_ocu": collection["max_indexing_ocus"],
                "max_search_capacity_in_ocu": collection["max_search_ocus"],
            }
        ],
        tags=checked["tags"],
        opts=component.child(),
    )
    # The policies name the collection before it is there.
    identifier = unique_name(group.name, f"{name}-group", name)
    place = pulumi.Output.concat("collection/", identifier)
    encryption = _security_policy(
        component,
        f"{name}-encryption",
        identifier,
        "encryption",
        {"Rules": [{"ResourceType": "collection", "Resource": [place]}], "AWSOwnedKey": False, "KmsARN": kms_key_arn},
    )
    made = aws.opensearch.ServerlessCollection(
        f"{name}-collection",
        name=after(identifier, encryption),
        description=f"Search index {name}",
        type=collection["type"],
        collection_group_name=group.name,
        standby_replicas="ENABLED",
        tags=checked["tags"],
        opts=component.child(
            protect=checked["deletion_protection"],
            delete_before_replace=True,
            # A collection keeps the key of its beginning, whatever its policy says later: it would lose its data with an old key.
            replacement_trigger=kms_key_arn,
        ),
    )
    endpoint_id = _endpoint(component, name, checked, collection, identifier)
    network = [{"Rules": [{"ResourceType": kind, "Resource": [place]} for kind in ("collection", "dashboard")], **_only(endpoint_id)}]
    connects = _security_policy(component, f"{name}-network", identifier, "network", network)
    reads = aws.opensearch.ServerlessAccessPolicy(
        f"{name}-access",
        name=identifier,
        type="data",
        description=f"Who reads and writes {name}",
        policy=pulumi.Output.json_dumps(_access(checked, identifier, place)),
        opts=component.child(),
    )
    _report(component, name, checked, made)
    return MadeCollection(made, after(made.collection_endpoint, connects, reads), identifier, endpoint_id)


def _report(component: Component, name: str, checked: SearchIndexArgs, made: aws.opensearch.ServerlessCollection) -> None:
    if checked["alarm_topic_arns"]:
        # By the id alone: other dimensions of the metric are AWS's own.
        search = pulumi.Output.concat('SELECT SUM("5xx") FROM "AWS/AOSS" WHERE CollectionId = \'', made.id, "'")
        alarm(
            component,
            f"{name}-5xx",
            f"{name} answers with errors of its own in each of a quarter of an hour",
            MetricSearch(search),
            0,
            period_seconds=300,
            periods=3,
            actions=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )


def _only(endpoint_id: pulumi.Output[str]) -> dict[str, Any]:
    return {"AllowFromPublic": False, "SourceVPCEs": [endpoint_id]}


def _security_policy(
    component: Component, child_name: str, identifier: pulumi.Output[str], kind: str, policy: Any
) -> aws.opensearch.ServerlessSecurityPolicy:
    return aws.opensearch.ServerlessSecurityPolicy(
        child_name, name=identifier, type=kind, policy=pulumi.Output.json_dumps(policy), opts=component.child()
    )


def _endpoint(
    component: Component, name: str, checked: SearchIndexArgs, collection: SearchIndexCollectionArgs, identifier: pulumi.Output[str]
) -> pulumi.Output[str]:
    existing, vpc_id = collection.get("existing_vpc_endpoint_id"), checked.get("vpc_id")
    if existing is not None:
        return pulumi.Output.from_input(existing)
    assert vpc_id is not None
    # Not an endpoint of EC2: OpenSearch Serverless has its own, with the names of collections.
    return aws.opensearch.ServerlessVpcEndpoint(
        f"{name}-endpoint",
        name=identifier,
        vpc_id=vpc_id,
        subnet_ids=list(checked["subnet_ids_by_zone"].values()),
        security_group_ids=checked["security_group_ids"],
        opts=component.child(),
    ).id


def _access(checked: SearchIndexArgs, identifier: pulumi.Output[str], place: pulumi.Output[str]) -> list[dict[str, Any]]:
    """Rules of the data: each names its roles, its indexes and what is allowed there."""
    indexes = [pulumi.Output.concat("index/", identifier, "/", pattern) for pattern in checked["index_patterns"]]
    every = [pulumi.Output.concat("index/", identifier, "/*")]
    rules = [_rule([checked["admin_role_arn"]], (*_READ, *_WRITE, *_ADMIN), every, place, "Administrator")]
    for words, roles, allowed in (
        ("Readers", checked["reader_role_arns"], _READ),
        ("Writers", checked["writer_role_arns"], (*_READ, *_WRITE)),
    ):
        if roles:
            rules.append(_rule(list(roles.values()), allowed, indexes, place, words))
    return rules


def _rule(roles: list[Any], allowed: tuple[str, ...], indexes: list[Any], place: Any, words: str) -> dict[str, Any]:
    return {
        "Description": words,
        "Principal": roles,
        "Rules": [
            {"ResourceType": "index", "Resource": indexes, "Permission": sorted(allowed)},
            {"ResourceType": "collection", "Resource": [place], "Permission": ["aoss:DescribeCollectionItems"]},
        ],
    }
