import base64
import re
from importlib.metadata import version
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from offline_preview.monitor import RecordingError, RecordingMonitor
from offline_preview.record import record
from offline_preview.values import UNKNOWN, Secret
from pulumi.runtime.proto import resource_pb2

AWS = version("pulumi-aws")


class Group(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("test:index:Group", name, {}, opts)
        self.vpc = aws.ec2.Vpc(f"{name}-vpc", cidr_block="10.0.0.0/16", opts=pulumi.ResourceOptions(parent=self))
        self.register_outputs({"vpc_id": self.vpc.id})


def vpc(name: str = "v", opts: pulumi.ResourceOptions | None = None, **inputs: Any) -> aws.ec2.Vpc:
    return aws.ec2.Vpc(name, opts=opts, cidr_block="10.0.0.0/16", **inputs)


def test_urns_inputs_edges_and_outputs_are_as_the_engine_makes_them() -> None:
    def program() -> None:
        group = Group("g")
        aws.ec2.Subnet("s", vpc_id=group.vpc.id, cidr_block="10.0.0.0/24", tags={"k": pulumi.Output.secret("hush")})
        pulumi.export("vpc", group.vpc.id)

    graph = record(program, project="shop", stack="dev")
    assert [resource.urn for resource in graph.resources] == [
        "urn:pulumi:dev::shop::pulumi:pulumi:Stack::shop-dev",
        "urn:pulumi:dev::shop::test:index:Group::g",
        f"urn:pulumi:dev::shop::pulumi:providers:aws::default_{AWS.replace('.', '_')}",
        "urn:pulumi:dev::shop::test:index:Group$aws:ec2/vpc:Vpc::g-vpc",
        "urn:pulumi:dev::shop::aws:ec2/subnet:Subnet::s",
    ]
    subnet, made = graph.one("aws:ec2/subnet:Subnet"), graph.named("g-vpc")
    assert subnet.inputs == {"vpcId": UNKNOWN, "cidrBlock": "10.0.0.0/24", "tags": {"k": Secret("hush")}}
    assert subnet.property_dependencies == {"vpcId": [made.urn]}
    assert subnet.dependencies == [made.urn]
    assert subnet.parent == graph.resources[0].urn
    assert made.parent == graph.named("g").urn
    assert graph.outputs == {"vpc": UNKNOWN}
    assert graph.named("g").outputs == {"vpc_id": UNKNOWN}
    assert (made.id, made.outputs["arn"], made.outputs["cidrBlock"]) == ("", UNKNOWN, "10.0.0.0/16")


def test_hooks_are_accepted_and_not_run() -> None:
    ran: list[str] = []

    def hook(_args: pulumi.ResourceHookArgs) -> None:
        ran.append("hook")

    def retry(_args: pulumi.ErrorHookArgs) -> bool:
        ran.append("error")
        return False

    def program() -> None:
        made = pulumi.ResourceHook("made", hook, opts=pulumi.ResourceHookOptions(on_dry_run=True))
        binding = pulumi.ResourceHookBinding(before_create=[hook], after_create=[made], on_error=[pulumi.ErrorHook("failed", retry)])
        vpc(opts=pulumi.ResourceOptions(hooks=binding))

    assert record(program).one("aws:ec2/vpc:Vpc").name == "v"
    assert ran == []


def test_switches_and_numbers_that_are_text_are_recorded_as_what_they_mean() -> None:
    def program() -> None:
        off: Any = "false"
        number: Any = "22"
        vpc(enable_dns_support=off, tags={"false": "true", "size": "1"})
        rule: Any = {"protocol": "tcp", "from_port": number, "to_port": "any", "self": pulumi.Output.secret(off), "cidr_blocks": ["1"]}
        aws.ec2.SecurityGroup("g", ingress=[rule], name="12")

    graph = record(program)
    assert graph.named("v").inputs == {"cidrBlock": "10.0.0.0/16", "enableDnsSupport": False, "tags": {"false": "true", "size": "1"}}
    rule = {"protocol": "tcp", "fromPort": 22, "toPort": "any", "self": Secret(False), "cidrBlocks": ["1"]}
    assert graph.named("g").inputs["ingress"] == [rule]
    assert graph.named("g").inputs["name"] == "12"


@pytest.mark.parametrize("deployed", [False, True])
def test_a_policy_that_is_an_object_is_recorded_as_text(deployed: bool) -> None:
    def program() -> None:
        # Keys as in IAM's own documents, which the SDK passes on as they are.
        trust: Any = {"Version": "2012-10-17", "Statement": []}
        role = aws.iam.Role("r", assume_role_policy=trust, tags={"a": "b"})
        key = aws.kms.Key("k")
        for name, resource in (("known", "x"), ("computed", key.arn), ("hidden", pulumi.Output.secret("x"))):
            document: Any = {"Version": "2012-10-17", "Statement": [{"Resource": resource}]}
            aws.iam.RolePolicy(name, role=role.id, policy=document)
        pulumi.export("trust", role.assume_role_policy)

    graph = record(program, deployed=deployed)
    assert graph.outputs == {"trust": '{"Statement":[],"Version":"2012-10-17"}'}
    assert graph.named("r").inputs == {"assumeRolePolicy": graph.outputs["trust"], "tags": {"a": "b"}}
    text = '{"Statement":[{"Resource":"x"}],"Version":"2012-10-17"}'
    assert graph.named("known").inputs["policy"] == text
    assert graph.named("hidden").inputs["policy"] == Secret(text)
    computed = graph.named("computed").inputs["policy"]
    assert graph.named("computed").property_dependencies["policy"] == [graph.named("k").urn]
    assert computed == text.replace('"x"', f'"{graph.named("k").outputs["arn"]}"') if deployed else computed is UNKNOWN


def test_deployed_outputs_are_known_the_same_in_every_run_and_differ_between_resources() -> None:
    def program() -> None:
        pulumi.export("ids", [vpc("a").id, vpc("b").id])

    first, second = record(program, deployed=True), record(program, deployed=True)
    assert first.outputs == second.outputs
    assert len(set(first.outputs["ids"])) == 2
    assert all(identity.startswith("vpc-") for identity in first.outputs["ids"])


def test_deployed_a_reference_that_was_left_out_stays_unknown_and_a_name_of_its_own_does_not() -> None:
    def program() -> None:
        aws.rds.Instance("db", instance_class="db.t4g.medium", engine="mysql")

    database = record(program, deployed=True).named("db")
    assert database.outputs["identifier"].startswith("db-")
    assert {key: database.outputs[key] for key in ("parameterGroupName", "optionGroupName", "dbSubnetGroupName", "multiAz")} == {
        "parameterGroupName": UNKNOWN,
        "optionGroupName": UNKNOWN,
        "dbSubnetGroupName": UNKNOWN,
        "multiAz": UNKNOWN,
    }


def test_protect_retain_on_delete_and_providers_are_inherited() -> None:
    def program() -> None:
        provider = aws.Provider("p", region="eu-west-1")
        Group("g", pulumi.ResourceOptions(protect=True, retain_on_delete=True, providers=[provider]))

    made = record(program).named("g-vpc")
    assert made.options["protect"] is True
    assert made.options["retainOnDelete"] is True
    assert made.options["provider"].startswith("urn:pulumi:test::project::pulumi:providers:aws::p::")


def test_default_providers_carry_the_configuration_of_their_package() -> None:
    graph = record(vpc, config={"aws:region": "eu-west-1", "project:x": "1"})
    assert graph.one("pulumi:providers:aws").inputs == {"region": "eu-west-1", "version": AWS}


def test_options_that_were_set_are_recorded() -> None:
    options = pulumi.ResourceOptions(
        ignore_changes=["tags"],
        additional_secret_outputs=["arn"],
        replace_on_changes=["cidrBlock"],
        delete_before_replace=True,
        import_="vpc-1",
        aliases=[pulumi.Alias(name="old", parent=pulumi.ROOT_STACK_RESOURCE), "urn:pulumi:test::project::aws:ec2/vpc:Vpc::older"],
        custom_timeouts=pulumi.CustomTimeouts(create="5m"),
    )
    found = record(lambda: vpc(opts=options)).named("v").options
    del found["provider"]
    assert found == {
        "ignoreChanges": ["tags"],
        "additionalSecretOutputs": ["arn"],
        "replaceOnChanges": ["cidrBlock"],
        "deleteBeforeReplace": True,
        "importId": "vpc-1",
        "aliases": [
            {"name": "old", "noParent": True},
            "urn:pulumi:test::project::aws:ec2/vpc:Vpc::older",
        ],
        "customTimeouts": {"create": "5m"},
        "version": AWS,
    }


def test_transforms_of_the_resource_its_parents_and_the_stack_change_inputs_and_options() -> None:
    order: list[str] = []

    def transform(label: str) -> pulumi.ResourceTransform:
        def change(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
            if args.type_ != "aws:ec2/vpc:Vpc":
                return None
            order.append(label)
            earlier: Any = args.props.get("tags", {})
            tags = {**earlier, label: "yes"}
            return pulumi.ResourceTransformResult(
                {**args.props, "tags": tags}, pulumi.ResourceOptions.merge(args.opts, pulumi.ResourceOptions(protect=True))
            )

        return change

    def program() -> None:
        pulumi.runtime.register_resource_transform(transform("stack"))
        Group("g", pulumi.ResourceOptions(transforms=[transform("parent")]))

    made = record(program).named("g-vpc")
    assert made.inputs["tags"] == {"parent": "yes", "stack": "yes"}
    assert made.options["protect"] is True
    assert order == ["parent", "stack"]


def test_a_failing_transform_names_the_resource() -> None:
    def broken(_args: pulumi.ResourceTransformArgs) -> None:
        raise ValueError("no such luck")

    with pytest.raises(RecordingError, match=r"(?s)a transform failed on v \(aws:ec2/vpc:Vpc\).*no such luck"):
        record(lambda: vpc(opts=pulumi.ResourceOptions(transforms=[broken])))


def test_two_resources_of_one_name_are_refused_as_the_engine_does() -> None:
    def program() -> None:
        vpc()
        vpc()

    message = "Duplicate resource URN: two resources of type aws:ec2/vpc:Vpc are named 'v'. Give one of them another name."
    with pytest.raises(RecordingError, match=f"^{re.escape(message)}$"):
        record(program)


def test_what_exists_is_read_not_made() -> None:
    def program() -> None:
        found = aws.ec2.Vpc.get("v", "vpc-42")
        pulumi.export("id", found.id)

    graph = record(program)
    assert graph.outputs == {"id": "vpc-42"}
    assert graph.named("v").options == {
        "external": True,
        **({"provider": graph.named("v").options["provider"]} if "provider" in graph.named("v").options else {}),
    }
    assert graph.named("v").outputs["cidrBlock"] is UNKNOWN
    assert record(program, deployed=True).named("v").id == "vpc-42"


def test_stack_references_answer_from_what_was_given_and_name_what_was_not() -> None:
    def program() -> None:
        other = pulumi.StackReference("org/net/dev")
        pulumi.export("vpc", other.require_output("vpc_id"))

    graph = record(program, stack_references={"org/net/dev": {"vpc_id": "vpc-7"}})
    assert graph.outputs == {"vpc": "vpc-7"}
    # One secret does not make the others secret.
    graph = record(program, stack_references={"org/net/dev": {"vpc_id": "vpc-7", "key": Secret("k")}})
    assert graph.outputs == {"vpc": "vpc-7"}
    graph = record(program, stack_references={"org/net/dev": {"vpc_id": Secret("vpc-7")}})
    assert graph.outputs == {"vpc": Secret("vpc-7")}
    with pytest.raises(RecordingError, match="--stack-reference org/net/dev=FILE"):
        record(program)


def test_remote_components_are_refused_with_the_way_out() -> None:
    class Remote(pulumi.ComponentResource):
        def __init__(self) -> None:
            super().__init__("awsx:ec2:Vpc", "r", {}, None, remote=True)

    with pytest.raises(RecordingError, match=r"r \(awsx:ec2:Vpc\) is a remote component of another language"):
        record(Remote)


def test_provider_functions_answer_without_an_account() -> None:
    def program() -> None:
        document = aws.iam.get_policy_document(
            statements=[
                {
                    "sid": "S",
                    "actions": ["s3:GetObject"],
                    "resources": ["a", "b"],
                    "principals": [{"type": "*", "identifiers": ["*"]}],
                    "conditions": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["true"]}],
                }
            ]
        )
        pulumi.export("document", document.minified_json)
        pulumi.export("account", aws.get_caller_identity().account_id)
        pulumi.export("region", aws.get_region().region)
        pulumi.export("zones", aws.get_availability_zones().names)
        pulumi.export("partition", aws.get_partition().partition)
        pulumi.export("vpc", aws.ec2.get_vpc_output(default=True).id)
        pulumi.export("cidr", aws.ec2.get_vpc(default=True).cidr_block)

    outputs = record(program, config={"aws:region": "cn-north-1"}).outputs
    assert outputs["document"] == (
        '{"Version":"2012-10-17","Statement":[{"Sid":"S","Effect":"Allow","Action":"s3:GetObject","Resource":["a","b"],'
        '"Principal":"*","Condition":{"Bool":{"aws:SecureTransport":["true"]}}}]}'
    )
    assert (outputs["account"], outputs["region"], outputs["partition"]) == ("123456789012", "cn-north-1", "aws-cn")
    assert outputs["zones"] == ["cn-north-1a", "cn-north-1b", "cn-north-1c"]
    assert outputs["vpc"].startswith("vpc-")
    assert outputs["cidr"].endswith(".0.0/16")


def test_provider_functions_answer_each_question_on_its_own() -> None:
    def program() -> None:
        for name in ("public", "private"):
            pulumi.export(name, aws.ec2.get_subnets(filters=[{"name": "tag:tier", "values": [name]}]).ids)
            pulumi.export(f"{name}-group", aws.ec2.get_security_group(name=name).id)
        pulumi.export("again", aws.ec2.get_security_group(name="public").id)
        pulumi.export("default", aws.ec2.get_subnets().ids)
        # A switch that the program gives as text comes back as the switch that the SDK expects.
        pulumi.export("recent", aws.ec2.get_ami(owners=["amazon"], most_recent="true").most_recent)  # ty: ignore[invalid-argument-type]
        for function in (aws.ecr.get_credentials(registry_id="1"), aws.ecr.get_authorization_token()):
            user, password = base64.b64decode(function.authorization_token).decode().split(":")
            pulumi.export(type(function).__name__, (user, password, function.proxy_endpoint))

    outputs = record(program, config={"aws:region": "eu-west-1"}).outputs
    ids = [identity for key in ("public", "private", "default") for identity in outputs[key]]
    assert len(set(ids)) == 9
    assert all(identity.startswith("subnet-") for identity in ids)
    assert outputs["public-group"].startswith("sg-")
    assert outputs["public-group"] == outputs["again"] != outputs["private-group"]
    assert outputs["recent"] is True
    login = ["AWS", "offline", "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"]
    assert [outputs["AwaitableGetCredentialsResult"], outputs["AwaitableGetAuthorizationTokenResult"]] == [login, login]


def test_deployed_outputs_name_the_resource_and_leave_keys_that_aws_chooses_unknown() -> None:
    def program() -> None:
        parameter = aws.ssm.Parameter("p", type="String", value="v")
        api = aws.appsync.GraphQLApi("a", authentication_type="API_KEY")
        user = aws.elasticache.User("u", engine="valkey", user_id="u", user_name="u", access_string="on ~*")
        pulumi.export("arn", parameter.arn)
        pulumi.export("user", user.arn)
        pulumi.export("endpoint", api.uris["GRAPHQL"])

    graph = record(program, deployed=True)
    assert graph.outputs["arn"].startswith("arn:aws:ssm:us-east-1:123456789012:parameter/p-")
    assert graph.outputs["user"].startswith("arn:aws:elasticache:us-east-1:123456789012:user:u-")
    assert graph.outputs["endpoint"] is UNKNOWN
    assert graph.named("a").outputs["tagsAll"] == {}
    assert {resource.outputs["id"] == resource.id for resource in (graph.named("p"), graph.named("a"))} == {True}


def test_a_resource_s_state_can_be_asked_for_by_urn() -> None:
    def program() -> None:
        group = Group("g")
        pulumi.export("same", pulumi.Output.from_input(group).apply(lambda found: found is not None))

    assert record(program).outputs == {"same": True}


def test_what_a_program_raises_passes_through() -> None:
    def program() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        record(program)


def test_logs_of_the_program_are_shown_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    record(lambda: pulumi.log.warn("look out"))
    assert "look out" in capsys.readouterr().err


def test_what_an_engine_only_answers_is_answered() -> None:
    def program() -> None:
        pulumi.require_pulumi_version(">=3.200.0")
        made = vpc()
        found = made.urn.apply(lambda urn: pulumi.runtime.invoke("pulumi:pulumi:getResource", {"urn": urn}).value["urn"])
        pulumi.export("same", pulumi.Output.all(found, made.urn).apply(lambda urns: urns[0] == urns[1]))
        pulumi.export("region", aws.get_region(region="us-west-2").name)

    assert record(program, deployed=True).outputs == {"same": True, "region": "us-west-2"}


def test_the_state_of_a_resource_that_is_not_there_cannot_be_asked_for() -> None:
    with pytest.raises(RecordingError, match="no resource has the URN urn:nothing"):
        record(lambda: pulumi.runtime.invoke("pulumi:pulumi:getResource", {"urn": "urn:nothing"}))


def test_methods_of_remote_components_cannot_be_called_offline() -> None:
    with pytest.raises(RecordingError, match="the method awsx:index/cluster/getKubeconfig cannot be called offline"):
        record(lambda: pulumi.runtime.call("awsx:index/cluster/getKubeconfig", {}))


def test_deleted_with_is_inherited() -> None:
    def program() -> None:
        first = vpc("first")
        Group("g", pulumi.ResourceOptions(deleted_with=first))

    graph = record(program)
    assert graph.named("g-vpc").options["deletedWith"] == graph.named("first").urn


def test_a_transform_may_take_options_away_and_set_every_kind() -> None:
    def change(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult:
        options = pulumi.ResourceOptions(
            retain_on_delete=True,
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(delete="7m"),
            depends_on=args.opts.depends_on,
        )
        return pulumi.ResourceTransformResult(args.props, options)

    given = pulumi.ResourceOptions(
        ignore_changes=["tags"],
        protect=True,
        transforms=[change],
        custom_timeouts=pulumi.CustomTimeouts(create="1m"),
        delete_before_replace=False,
    )
    found = record(lambda: vpc(opts=given)).named("v").options
    assert "ignoreChanges" not in found
    assert (found["retainOnDelete"], found["deleteBeforeReplace"], found["customTimeouts"]) == (True, True, {"delete": "7m"})


def test_an_output_depends_on_its_resource_alone_not_on_what_went_into_it() -> None:
    def program() -> None:
        subnet = aws.ec2.Subnet("s", vpc_id=vpc().id, cidr_block="10.0.0.0/24")
        aws.ec2.Subnet("t", vpc_id=subnet.vpc_id, cidr_block="10.0.1.0/24")

    graph = record(program)
    assert graph.named("t").property_dependencies == {"vpcId": [graph.named("s").urn]}


@pytest.mark.parametrize(("feature", "supported"), [("transforms", True), ("secrets", True), ("stateMigrations", False)])
def test_older_sdks_ask_for_features_by_name(feature: str, supported: bool) -> None:
    request = resource_pb2.SupportsFeatureRequest(id=feature)
    assert RecordingMonitor("p", "s").SupportsFeature(request).hasSupport is supported
