"""Cognito, AWS Config, Service Catalog, Transfer Family, OpenSearch and Step Functions."""

import json
from typing import Any

import pytest
from cloudpatterns_policies.acceptance.controls import catalogs, file_transfers, recorders, search_domains, user_pools, workflows
from cloudpatterns_policies.core import UNKNOWN

from tests.policies.acceptance.controls.cases import OTHERS, Case, Made, check, refers


def one(type_: str, options: Any = None, **props: Any) -> dict[str, Made]:
    return {"x": Made(type_, {name: value for name, value in props.items() if value is not None}, {}, options or {})}


POOL, CLIENT = "aws:cognito/userPool:UserPool", "aws:cognito/userPoolClient:UserPoolClient"
TIER, SCHEMA, OAUTH = (
    user_pools.cognito_threat_protection_tier,
    user_pools.cognito_schema_constraints,
    user_pools.cognito_oauth_enabled,
)


def protected(mode: Any, tier: Any) -> dict[str, Made]:
    return one(POOL, userPoolAddOns={"advancedSecurityMode": mode}, userPoolTier=tier)


def schema(kind: Any, options: Any = None, **constraints: Any) -> dict[str, Made]:
    return one(POOL, options, schemas=[{"name": "a", "attributeDataType": kind, **constraints}])


MODE, FLOWS = "userPoolAddOns.advancedSecurityMode", "allowedOauthFlows"
FLAG = "allowedOauthFlowsUserPoolClient"
CASES = {
    "protection on Plus": Case(TIER, protected("ENFORCED", "PLUS")),
    "protection on Essentials": Case(TIER, protected("ENFORCED", "ESSENTIALS"), ("x", MODE, "(ENFORCED) on the plan ESSENTIALS")),
    "an audit on Lite": Case(TIER, protected("AUDIT", "LITE"), ("x", MODE, "has threat protection (AUDIT) on the plan LITE")),
    "protection without a plan": Case(TIER, protected("ENFORCED", None), ("x", MODE, "on the plan ESSENTIALS")),
    "no protection": Case(TIER, protected("OFF", "LITE")),
    "no add-ons": Case(TIER, one(POOL)),
    "a mode that is not known": Case(TIER, protected(UNKNOWN, "LITE"), None, ("x", MODE)),
    "a plan that is not known": Case(TIER, protected("AUDIT", UNKNOWN), None, ("x", "userPoolTier")),
    "text with constraints": Case(SCHEMA, schema("String", stringAttributeConstraints={"minLength": "0"})),
    "text without": Case(SCHEMA, schema("String"), ("x", "schemas.0", "has an attribute without stringAttributeConstraints")),
    "a number without": Case(SCHEMA, schema("Number"), ("x", "schemas.0", "has an attribute without numberAttributeConstraints")),
    "a boolean without": Case(SCHEMA, schema("Boolean")),
    "a schema that is ignored": Case(SCHEMA, schema("String", {"ignoreChanges": ["schemas"]})),
    "constraints that are not known": Case(SCHEMA, schema("String", stringAttributeConstraints=UNKNOWN)),
    "a data type that is not known": Case(SCHEMA, schema(UNKNOWN), None, ("x", "schemas.0.attributeDataType")),
    "no schema": Case(SCHEMA, one(POOL)),
    "OAuth that is on": Case(OAUTH, one(CLIENT, allowedOauthFlows=["code"], allowedOauthFlowsUserPoolClient=True)),
    "OAuth that is not on": Case(
        OAUTH, one(CLIENT, allowedOauthFlows=["code"]), ("x", FLOWS, f"has OAuth flows, while {FLAG} is not True")
    ),
    "OAuth that is off": Case(
        OAUTH, one(CLIENT, allowedOauthFlows=["code"], allowedOauthFlowsUserPoolClient=False), ("x", FLOWS, "has OAuth flows")
    ),
    "OAuth that is not known": Case(
        OAUTH, one(CLIENT, allowedOauthFlows=["code"], allowedOauthFlowsUserPoolClient=UNKNOWN), None, ("x", FLAG)
    ),
    "flows that are not known": Case(OAUTH, one(CLIENT, allowedOauthFlows=UNKNOWN), None, ("x", FLOWS)),
    "no flows": Case(OAUTH, one(CLIENT, callbackUrls=["https://shop.example.com"])),
}

ORDER, LOCKED = recorders.config_order, recorders.config_bucket_without_lock
RECORDER, CHANNEL, STATUS = "aws:cfg/recorder:Recorder", "aws:cfg/deliveryChannel:DeliveryChannel", "aws:cfg/recorderStatus:RecorderStatus"
RULE = {"defaultRetention": {"mode": "GOVERNANCE", "days": 1}}


def chain(channel: Any, status: Any, **props: Any) -> dict[str, Made]:
    return {
        "r": Made(RECORDER),
        "c": Made(CHANNEL, {}, {OTHERS: channel}),
        "s": Made(STATUS, {"isEnabled": True, **props}, {OTHERS: status}),
    }


def delivered(lock: Any = None, **bucket: Any) -> dict[str, Made]:
    made = {"b": Made("aws:s3/bucket:Bucket", bucket), "x": refers(CHANNEL, "s3BucketName", "b")}
    if lock is not None:
        made["l"] = refers("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration", "bucket", "b", {"rule": lock})
    return made


BY_DEFAULT = ("x", "s3BucketName", "delivers to bucket b, whose objects are locked by default")
CASES |= {
    "recorder, channel, start": Case(ORDER, chain("r", "c")),
    "a channel beside the recorder": Case(ORDER, chain((), "c"), ("c", "", "does not wait for recorder r")),
    "a start beside the channel": Case(ORDER, chain("r", "r"), ("s", "", "does not wait for delivery channel c")),
    "a start that is off": Case(ORDER, chain("r", (), isEnabled=False)),
    "a start that is not known": Case(ORDER, chain("r", (), isEnabled=UNKNOWN)),
    "a start in another region": Case(ORDER, chain("r", (), region="us-east-1")),
    "a start in a region that is not known": Case(ORDER, chain("r", (), region=UNKNOWN)),
    "a channel alone": Case(ORDER, one(CHANNEL)),
    "a bucket without a lock": Case(LOCKED, delivered(objectLockEnabled=True)),
    "a bucket with a lock": Case(LOCKED, delivered(RULE), BY_DEFAULT),
    "a bucket with a lock inside": Case(LOCKED, delivered(objectLockConfiguration={"rule": RULE}), BY_DEFAULT),
    "a lock that is not known": Case(LOCKED, delivered(UNKNOWN), None, ("x", "s3BucketName")),
    "a bucket of another stack": Case(LOCKED, one(CHANNEL, s3BucketName="config")),
}

ONCE, FIRST, LAUNCH = catalogs.catalog_launch_constraint_once, catalogs.catalog_association_first, catalogs.catalog_launch_role
CONSTRAINT = "aws:servicecatalog/constraint:Constraint"
BOTH = {"productId": "p", "portfolioId": "f"}
CATALOG = {"p": Made("aws:servicecatalog/product:Product"), "f": Made("aws:servicecatalog/portfolio:Portfolio")}


def constraint(kind: Any, after: Any = ()) -> Made:
    return Made(CONSTRAINT, {**dict.fromkeys(BOTH, UNKNOWN), "type": kind}, {**BOTH, OTHERS: after})


ASSOCIATION = Made("aws:servicecatalog/productPortfolioAssociation:ProductPortfolioAssociation", dict.fromkeys(BOTH, UNKNOWN), BOTH)


def launch(parameters: Any, kind: Any = "LAUNCH") -> dict[str, Made]:
    return one(
        CONSTRAINT, type=kind, parameters=parameters if isinstance(parameters, str) or parameters is UNKNOWN else json.dumps(parameters)
    )


CASES |= {
    "one launch constraint": Case(ONCE, {**CATALOG, "a": constraint("LAUNCH"), "b": constraint("TEMPLATE")}),
    "two launch constraints": Case(
        ONCE,
        {**CATALOG, "a": constraint("LAUNCH"), "b": constraint("LAUNCH")},
        ("b", "type", "is a LAUNCH constraint beside a, a LAUNCH constraint"),
    ),
    "launch and stack set": Case(
        ONCE,
        {**CATALOG, "a": constraint("LAUNCH"), "b": constraint("STACKSET")},
        ("b", "type", "is a STACKSET constraint beside a, a LAUNCH constraint"),
    ),
    "a type that is not known": Case(ONCE, {**CATALOG, "a": constraint("LAUNCH"), "b": constraint(UNKNOWN)}),
    "constraints of other stacks": Case(ONCE, {"a": Made(CONSTRAINT, {"type": "LAUNCH"}), "b": Made(CONSTRAINT, {"type": "LAUNCH"})}),
    "a constraint after the association": Case(FIRST, {**CATALOG, "a": ASSOCIATION, "x": constraint("LAUNCH", "a")}),
    "a constraint beside it": Case(
        FIRST, {**CATALOG, "a": ASSOCIATION, "x": constraint("LAUNCH")}, ("x", "portfolioId", "does not wait for a, which puts the product")
    ),
    "a constraint without it": Case(
        FIRST, {**CATALOG, "x": constraint("LAUNCH")}, ("x", "portfolioId", "that no association puts into the")
    ),
    "a constraint from elsewhere": Case(FIRST, one(CONSTRAINT, productId="prod-a", portfolioId=UNKNOWN)),
    "a role by its ARN": Case(LAUNCH, launch({"RoleArn": "arn:aws:iam::123456789012:role/launch"})),
    "a role by its name": Case(LAUNCH, launch({"LocalRoleName": "launch"})),
    "a role twice": Case(LAUNCH, launch({"RoleArn": "a", "LocalRoleName": "b"}), ("x", "parameters", "has both RoleArn and LocalRoleName")),
    "no role": Case(LAUNCH, launch({}), ("x", "parameters", "has neither RoleArn nor LocalRoleName")),
    "no JSON": Case(LAUNCH, launch("{"), ("x", "parameters", "has parameters that are no JSON")),
    "another constraint": Case(LAUNCH, launch({}, "TEMPLATE")),
    "parameters that are not known": Case(LAUNCH, launch(UNKNOWN), None, ("x", "parameters")),
    "a constraint's type that is not known": Case(LAUNCH, launch({}, UNKNOWN), None, ("x", "type")),
}

SERVER, USER = "aws:transfer/server:Server", "aws:transfer/user:User"
PROTOCOLS, DUAL, HOME = (
    file_transfers.transfer_server_protocols,
    file_transfers.transfer_dual_stack_addresses,
    file_transfers.transfer_home_directory,
)


def server(*protocols: Any, **props: Any) -> dict[str, Made]:
    safe = {"protocols": list(protocols), "endpointType": "VPC", "identityProviderType": "AWS_LAMBDA", "certificate": UNKNOWN}
    return one(SERVER, **{**safe, **props})


ADDRESSES = {"addressAllocationIds": [UNKNOWN]}
WHERE = "endpointDetails.addressAllocationIds"
CASES |= {
    "FTPS in a VPC": Case(PROTOCOLS, server("SFTP", "FTPS")),
    "FTPS in public": Case(
        PROTOCOLS, server("FTPS", endpointType="PUBLIC"), ("x", "endpointType", "has FTPS on an endpoint of the type PUBLIC")
    ),
    "FTPS without an endpoint type": Case(PROTOCOLS, server("FTPS", endpointType=None), ("x", "endpointType", "of the type PUBLIC")),
    "FTPS for its own users": Case(
        PROTOCOLS, server("FTPS", identityProviderType=None), ("x", "identityProviderType", "has FTPS with identities of the type SERVICE")
    ),
    "FTPS without a certificate": Case(PROTOCOLS, server("FTPS", certificate=None), ("x", "certificate", "has FTPS and no certificate")),
    "FTP with addresses": Case(PROTOCOLS, server("FTP", endpointDetails=ADDRESSES), ("x", WHERE, "has FTP and Elastic IP addresses")),
    "SFTP in public": Case(PROTOCOLS, one(SERVER, protocols=["SFTP"])),
    "no protocols": Case(PROTOCOLS, one(SERVER)),
    "protocols that are not known": Case(PROTOCOLS, one(SERVER, protocols=UNKNOWN), None, ("x", "protocols")),
    "an endpoint type that is not known": Case(PROTOCOLS, server("FTPS", endpointType=UNKNOWN), None, ("x", "endpointType")),
    "addresses of IPv4": Case(DUAL, one(SERVER, ipAddressType="IPV4", endpointDetails=ADDRESSES)),
    "addresses of both": Case(
        DUAL, one(SERVER, ipAddressType="DUALSTACK", endpointDetails=ADDRESSES), ("x", WHERE, "and the address type DUALSTACK")
    ),
    "no addresses": Case(DUAL, one(SERVER, ipAddressType="DUALSTACK")),
    "an address type that is not known": Case(DUAL, one(SERVER, ipAddressType=UNKNOWN), None, ("x", "ipAddressType")),
    "mappings": Case(HOME, one(USER, homeDirectoryType="LOGICAL", homeDirectoryMappings=[{"entry": "/", "target": "/b"}])),
    "LOGICAL without mappings": Case(HOME, one(USER, homeDirectoryType="LOGICAL"), ("x", "homeDirectoryMappings", "and no mappings")),
    "mappings of a path": Case(
        HOME,
        one(USER, homeDirectoryMappings=[{"entry": "/"}]),
        ("x", "homeDirectoryType", "has mappings, and a home directory of the type PATH"),
    ),
    "a path": Case(HOME, one(USER, homeDirectory="/b")),
    "mappings that are not known": Case(HOME, one(USER, homeDirectoryType="LOGICAL", homeDirectoryMappings=UNKNOWN)),
    "a home directory that is not known": Case(HOME, one(USER, homeDirectoryType=UNKNOWN), None, ("x", "homeDirectoryType")),
}

DOMAIN, COLLECTION = "aws:opensearch/domain:Domain", "aws:opensearch/serverlessCollection:ServerlessCollection"
ZONES, TUNE, FIRST_POLICY = (
    search_domains.opensearch_subnets_and_zones,
    search_domains.opensearch_auto_tune,
    search_domains.opensearch_encryption_policy_first,
)


def domain(subnets: Any, *, aware: Any = True, zones: Any = None) -> dict[str, Made]:
    config = {"zoneAwarenessEnabled": aware, **({} if zones is None else {"zoneAwarenessConfig": {"availabilityZoneCount": zones}})}
    return one(DOMAIN, clusterConfig=config, vpcOptions={"subnetIds": subnets})


def tuned(node: Any, state: Any = "ENABLED") -> dict[str, Made]:
    return one(DOMAIN, clusterConfig={"instanceType": node}, autoTuneOptions={"desiredState": state})


def collection(after: Any, covers: Any = "collection/shop-*", kind: Any = "encryption", **props: Any) -> dict[str, Made]:
    policy = (
        covers if covers is UNKNOWN else json.dumps({"Rules": [{"ResourceType": "collection", "Resource": [covers]}], "AWSOwnedKey": True})
    )
    return {
        "p": Made("aws:opensearch/serverlessSecurityPolicy:ServerlessSecurityPolicy", {"type": kind, "policy": policy}),
        "x": Made(COLLECTION, {"name": "shop-search", **props}, {OTHERS: after}),
    }


SUBNETS, STATE = "vpcOptions.subnetIds", "autoTuneOptions.desiredState"
CASES |= {
    "a subnet for each of two zones": Case(ZONES, domain([UNKNOWN, UNKNOWN])),
    "a subnet for each of three": Case(ZONES, domain(["a", "b", "c"], zones=3)),
    "two subnets for three zones": Case(ZONES, domain(["a", "b"], zones=3), ("x", SUBNETS, "has 2 subnets for 3 Availability Zones")),
    "three subnets for two zones": Case(ZONES, domain(["a", "b", "c"]), ("x", SUBNETS, "has 3 subnets for 2 Availability Zones")),
    "one zone": Case(ZONES, domain(["a"], aware=False)),
    "a number of zones that is not known": Case(
        ZONES, domain(["a", "b"], zones=UNKNOWN), None, ("x", "clusterConfig.zoneAwarenessConfig.availabilityZoneCount")
    ),
    "awareness that is not known": Case(ZONES, domain(["a"], aware=UNKNOWN), None, ("x", "clusterConfig.zoneAwarenessEnabled")),
    "subnets that are not known": Case(ZONES, domain(UNKNOWN)),
    "no VPC": Case(ZONES, one(DOMAIN)),
    "Auto-Tune on m7g": Case(TUNE, tuned("m7g.large.search")),
    "Auto-Tune on t3": Case(TUNE, tuned("t3.small.search"), ("x", STATE, "has Auto-Tune on t3.small.search")),
    "no Auto-Tune on t3": Case(TUNE, tuned("t3.small.search", "DISABLED")),
    "Auto-Tune that is not known": Case(TUNE, tuned("t3.small.search", UNKNOWN), None, ("x", STATE)),
    "a node that is not known": Case(TUNE, tuned(UNKNOWN), None, ("x", "clusterConfig.instanceType")),
    "no options": Case(TUNE, one(DOMAIN)),
    "a collection after its policy": Case(FIRST_POLICY, collection("p")),
    "a collection beside its policy": Case(FIRST_POLICY, collection(()), ("x", "name", "does not wait for the encryption policy p")),
    "a policy of another collection": Case(FIRST_POLICY, collection((), "collection/logs")),
    "a policy of the network": Case(FIRST_POLICY, collection((), kind="network")),
    "a policy that is not known": Case(FIRST_POLICY, collection((), UNKNOWN), None, ("x", "name")),
    "a policy's kind that is not known": Case(FIRST_POLICY, collection("p", kind=UNKNOWN)),
    "a collection's name that is not known": Case(FIRST_POLICY, collection((), name=UNKNOWN), None, ("x", "name")),
    "a collection with a key of its own": Case(FIRST_POLICY, collection((), encryptionConfig={"awsOwnedKey": True})),
    "a collection without a name": Case(FIRST_POLICY, one(COLLECTION)),
}

ENDING, DEFAULT = workflows.log_group_arn_ending, workflows.choice_has_default
MACHINE, TRAIL, GROUP = (
    "aws:sfn/stateMachine:StateMachine",
    "aws:cloudtrail/trail:Trail",
    "arn:aws:logs:eu-west-1:123456789012:log-group:shop",
)
PATH = "loggingConfiguration.logDestination"


def logged(arn: Any) -> dict[str, Made]:
    return one(MACHINE, loggingConfiguration={"logDestination": arn})


def machine(choice: dict[str, Any], *, inside: str = "") -> dict[str, Made]:
    states: Any = {"A": {"Type": "Choice", "Choices": [], **choice}}
    wrapped = {"Map": {"ItemProcessor": {"States": states}}, "Parallel": {"Branches": [{"States": states}]}}
    return one(MACHINE, definition=json.dumps({"States": {"M": {"Type": inside, **wrapped[inside]}} if inside else states}))


NO_DEFAULT = ("x", "definition", "has the choice A without a Default")
CASES |= {
    "an ARN with its ending": Case(ENDING, logged(f"{GROUP}:*")),
    "an ARN without": Case(ENDING, logged(GROUP), ("x", PATH, "names a log group by an ARN without the ending :*")),
    "a trail's ARN without": Case(ENDING, one(TRAIL, cloudWatchLogsGroupArn=GROUP), ("x", "cloudWatchLogsGroupArn", "the ending :*")),
    "a server's ARN without": Case(
        ENDING, one(SERVER, structuredLogDestinations=[f"{GROUP}:*", GROUP]), ("x", "structuredLogDestinations.1", "the ending :*")
    ),
    "an ARN that is not known": Case(ENDING, logged(UNKNOWN), None, ("x", PATH)),
    "no logs": Case(ENDING, one(MACHINE)),
    "a choice with a default": Case(DEFAULT, machine({"Default": "B"})),
    "a choice without": Case(DEFAULT, machine({}), NO_DEFAULT),
    "a choice inside a map": Case(DEFAULT, machine({}, inside="Map"), NO_DEFAULT),
    "a choice inside a branch": Case(DEFAULT, machine({}, inside="Parallel"), NO_DEFAULT),
    "a definition that is none": Case(DEFAULT, one(MACHINE, definition="{")),
    "a definition that is not known": Case(DEFAULT, one(MACHINE, definition=UNKNOWN), None, ("x", "definition")),
    "no definition": Case(DEFAULT, one(MACHINE)),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_case(case: Case) -> None:
    check(case)
