"""The proof of the Multi-Load Balancer on a corpus of small networks, on its example, and the wording of its findings."""

from typing import Any

import pytest
from cloudpatterns_policies.controls.multi_load_balancer import multi_load_balancer
from cloudpatterns_policies.core import Fail, NotApplicable, Pass, Resource, Severity

from tests.policies.controls.examples import example
from tests.policies.controls.networks import Case, admits, balancer, group, inline, instance, simple
from tests.policies.helpers import UNKNOWN, resource, stack, verdicts

CLASSIC = "aws:elb/loadBalancer:LoadBalancer"
ISSUED = "aws:acm/certificate:Certificate"
VALIDATION = "aws:acm/certificateValidation:CertificateValidation"
LISTENER_CERTIFICATE = "aws:lb/listenerCertificate:ListenerCertificate"
ASG = "aws:autoscaling/group:Group"
TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
SERVICE = "aws:ecs/service:Service"
REFERENCE = simple("pulumi:pulumi:StackReference", "other")
ARN = "arn:aws:acm:eu-west-1:123456789012:certificate/"


def target_group(name: str, port: Any = 8080, **more: Any) -> Resource:
    return resource("aws:lb/targetGroup:TargetGroup", name, {"arn": UNKNOWN, "port": port, "protocol": "HTTP", **more})


def listener(name: str, of: str, to: str, certificate: Any = None, *, dep: tuple[str, ...] = (), **more: Any) -> Resource:
    """An HTTPS listener that forwards to a target group; `dep` are the resources that its certificate comes from."""
    props = {"loadBalancerArn": UNKNOWN, "port": 443, "protocol": "HTTPS", "certificateArn": UNKNOWN if dep else certificate,
             "defaultActions": [{"type": "forward", "targetGroupArn": UNKNOWN}], **more}  # fmt: skip
    deps = {"loadBalancerArn": [of], "defaultActions": [to], "certificateArn": list(dep)}
    return resource("aws:lb/listener:Listener", name, {key: value for key, value in props.items() if value is not None}, deps=deps)


def attached(name: str, to: str, target: str = "vm") -> Resource:
    props = {"targetGroupArn": UNKNOWN, "targetId": UNKNOWN, "port": UNKNOWN}
    return resource("aws:lb/targetGroupAttachment:TargetGroupAttachment", name, props, deps={"targetGroupArn": [to], "targetId": [target]})


def side(name: str, *, fleet: str = "vm") -> list[Resource]:
    """A balancer called `name` with all that belongs to it before the fleet."""
    return [
        group(f"{name}-group"), balancer(name, f"{name}-group", internal=False), target_group(f"{name}-tg"),
        listener(f"{name}-https", name, f"{name}-tg", f"{ARN}{name}"), attached(f"{name}-member", f"{name}-tg", fleet),
        admits(f"fleet-from-{name}", "fleet", 8080, from_group=f"{name}-group"),
    ]  # fmt: skip


def base(*more: Resource, without: tuple[str, ...] = ()) -> list[Resource]:
    """Two balancers, `a` and `b`, before the instance `vm`; what `more` names anew takes the place of what is there."""
    network = [*side("a"), *side("b"), group("fleet"), instance("vm", "fleet")]
    gone = {*without, *(item.name for item in more)}
    return [item for item in network if item.name not in gone] + list(more)


def classic(name: str, *groups: str, **listen: Any) -> Resource:
    """A classic balancer before `vm`."""
    line = {"lbPort": 443, "instancePort": 8080, "lbProtocol": "https", "sslCertificateId": f"{ARN}{name}", **listen}
    props = {"securityGroups": [UNKNOWN] * len(groups), "instances": [UNKNOWN], "internal": False,
             "listeners": [{key: value for key, value in line.items() if value is not None}]}  # fmt: skip
    return resource(CLASSIC, name, props, deps={"securityGroups": list(groups), "instances": ["vm"]})


def with_classic(**listen: Any) -> list[Resource]:
    """The balancer `b` is a classic one."""
    return base(classic("b", "b-group", **listen), without=("b-tg", "b-https", "b-member"))


def service(ports: Any, **more: Any) -> list[Resource]:
    """The fleet is an ECS service."""
    lines = ports if ports is UNKNOWN else [{"targetGroupArn": UNKNOWN, "containerPort": port} for port in ports]
    props = {"loadBalancers": lines, "networkConfiguration": {"securityGroups": [UNKNOWN], "subnets": [UNKNOWN]}, **more}
    made = resource(SERVICE, "vm", props, deps={"loadBalancers": ["a-tg", "b-tg"], "networkConfiguration": ["fleet"]})
    return base(made, without=("a-member", "b-member"))


FLEET = [
    resource(TEMPLATE, "template", {"id": UNKNOWN, "vpcSecurityGroupIds": [UNKNOWN]}, deps={"vpcSecurityGroupIds": ["fleet"]}),
    resource(ASG, "asg", {"launchTemplate": {"id": UNKNOWN}, "targetGroupArns": [UNKNOWN, UNKNOWN], "vpcZoneIdentifiers": [UNKNOWN]},
             deps={"launchTemplate": ["template"], "targetGroupArns": ["a-tg", "b-tg"]}),
]  # fmt: skip
OF_ASG = base(*FLEET, without=("vm", "a-member", "b-member"))


def issued(name: str) -> list[Resource]:
    """A certificate and its validation."""
    props = {"arn": UNKNOWN, "certificateArn": UNKNOWN}
    return [resource(ISSUED, name, {"arn": UNKNOWN}), resource(VALIDATION, f"{name}-done", props, deps={"certificateArn": [name]})]


GOOD = [
    Case("The pattern itself.", base()),
    Case("Before an Auto Scaling group.", OF_ASG),
    Case("Before an ECS service, on its container's port.", service([8080, 8080])),
    Case("With a classic balancer.", with_classic()),
    Case("Certificates that the stack issues.", base(
        *issued("one"), *issued("two"), listener("a-https", "a", "a-tg", dep=("one-done",)),
        listener("b-https", "b", "b-tg", dep=("two-done", "two")))),
    Case("A listener of one's own for HTTP that forwards nothing.", base(
        resource("aws:lb/listener:Listener", "a-http", {"loadBalancerArn": UNKNOWN, "port": 80, "protocol": "HTTP",
                 "defaultActions": [{"type": "redirect"}]}, deps={"loadBalancerArn": ["a"]}))),
    Case("Two listeners of one balancer may share a certificate.", base(listener("a-more", "a", "a-tg", f"{ARN}a", port=8443))),
    Case("Both groups in one inline rule.", base(
        resource("aws:ec2/securityGroup:SecurityGroup", "fleet", {
            "id": UNKNOWN, "ingress": [inline(8080, securityGroups=[UNKNOWN, UNKNOWN])]}, deps={"ingress": ["a-group", "b-group"]}),
        without=("fleet-from-a", "fleet-from-b"))),
    Case("A group that the stack knows by its id alone.", base(
        resource("aws:lb/loadBalancer:LoadBalancer", "a", {"arn": UNKNOWN, "internal": False, "securityGroups": ["sg-0a"]}),
        admits("fleet-from-a", "fleet", 8080, referencedSecurityGroupId="sg-0a"), without=("a-group",))),
    Case("Other ports of the fleet are for other proofs.", base(admits("ssh", "fleet", 22, "10.0.0.0/8"))),
    Case("UDP of the same number is no web traffic.", base(admits("dns", "fleet", 8080, "10.0.0.0/8", protocol="udp"))),
    Case("A rule of a group whose owner is another.", base(group("x"), admits("r", "x", 8080, "10.0.0.0/8"))),
]  # fmt: skip

BAD = [
    Case("A listener without TLS.", base(listener("b-https", "b", "b-tg", protocol="HTTP")), {"b-https": "protocol"}),
    Case("A listener that leaves out its protocol.", base(
        resource("aws:lb/listener:Listener", "b-https", {
            "loadBalancerArn": UNKNOWN, "port": 80, "protocol": UNKNOWN, "defaultActions": [{"targetGroupArn": UNKNOWN}]},
            deps={"loadBalancerArn": ["b"], "defaultActions": ["b-tg"]})), {"b-https": "protocol"}),
    Case("A TLS listener without a certificate.", base(listener("b-https", "b", "b-tg")), {"b-https": "certificateArn"}),
    Case("A certificate by its ARN that both have.", base(listener("b-https", "b", "b-tg", f"{ARN}a")), {"b-https": "certificateArn"}),
    Case("A certificate of the stack that both have, once by its validation.", base(
        *issued("one"), listener("a-https", "a", "a-tg", dep=("one",)), listener("b-https", "b", "b-tg", dep=("one-done",))),
        {"b-https": "certificateArn"}),
    Case("A validation of a certificate by its ARN, which the other has.", base(
        resource(VALIDATION, "done", {"certificateArn": f"{ARN}a"}), listener("b-https", "b", "b-tg", dep=("done",))),
        {"b-https": "certificateArn"}),
    Case("A second certificate that is the other's.", base(
        resource(LISTENER_CERTIFICATE, "more", {"listenerArn": UNKNOWN, "certificateArn": f"{ARN}a"}, deps={"listenerArn": ["b-https"]})),
        {"more": "certificateArn"}),
    Case("A group that both wear.", base(balancer("b", "b-group", "a-group", internal=False)), {"b": "securityGroups"}),
    Case("A network balancer without a group.", base(
        resource("aws:lb/loadBalancer:LoadBalancer", "b", {"arn": UNKNOWN, "internal": False, "loadBalancerType": "network"}),
        without=("b-group", "fleet-from-b")), {"b": "securityGroups"}),
    Case("The fleet admits a network.", base(admits("hole", "fleet", 8080, "10.0.0.0/8")), {"hole": "cidrIpv4"}),
    Case("The fleet admits a range of ports that holds its own.", base(admits("hole", "fleet", (8000, 9000), "10.0.0.0/8")),
         {"hole": "cidrIpv4"}),
    Case("The fleet admits a prefix list.", base(admits("hole", "fleet", 8080, "pl-0a")), {"hole": "prefixListId"}),
    Case("The fleet admits another group.", base(group("x"), admits("hole", "fleet", 8080, from_group="x")),
         {"hole": "referencedSecurityGroupId"}),
    Case("The fleet admits a group that is not of the stack.", base(admits("hole", "fleet", 8080, referencedSecurityGroupId="sg-0b")),
         {"hole": "referencedSecurityGroupId"}),
    Case("The fleet admits itself.", base(
        resource("aws:ec2/securityGroup:SecurityGroup", "fleet", {"id": UNKNOWN, "ingress": [inline(8080, self=True)]},
                 deps={"ingress": []})), {"fleet": "ingress.0.self"}),
    Case("A second group of the fleet admits a network.", base(
        group("x"), admits("hole", "x", 8080, "10.0.0.0/8"), instance("vm", "fleet", "x")), {"hole": "cidrIpv4"}),
    Case("The fleet does not admit a balancer.", base(without=("fleet-from-b",)), {"vm": ""}),
    Case("The fleet admits a balancer on another port.", base(admits("fleet-from-b", "fleet", 8081, from_group="b-group")), {"vm": ""}),
    Case("Before an Auto Scaling group.", [item for item in OF_ASG if item.name != "fleet-from-b"], {"asg": ""}),
    Case("A classic balancer without TLS, whatever else it has.", with_classic(lbProtocol="HTTP"), {"b": "listeners.0.lbProtocol"}),
    Case("A classic balancer without a certificate.", with_classic(sslCertificateId=None), {"b": "listeners.0.sslCertificateId"}),
    Case("A classic balancer with the certificate of another.", with_classic(sslCertificateId=f"{ARN}a"), {"a-https": "certificateArn"}),
    Case("One unknown hides nothing else.", base(
        listener("a-https", "a", "a-tg", UNKNOWN), admits("hole", "fleet", 8080, "10.0.0.0/8")), {"hole": "cidrIpv4"},
        {"a-https": "certificateArn"}),
]  # fmt: skip

UNSURE = [
    Case("A protocol that is unknown.", base(REFERENCE, resource(
        "aws:lb/listener:Listener", "b-https", {"loadBalancerArn": UNKNOWN, "port": 443, "protocol": UNKNOWN,
        "defaultActions": [{"targetGroupArn": UNKNOWN}]},
        deps={"loadBalancerArn": ["b"], "defaultActions": ["b-tg"], "protocol": ["other"]})), unknowns={"b-https": "protocol"}),
    Case("A certificate from another stack.", base(REFERENCE, listener("b-https", "b", "b-tg", dep=("other",))),
         unknowns={"b-https": "certificateArn"}),
    Case("One of two certificates, nobody knows which.", base(
        *issued("one"), *issued("two"), listener("b-https", "b", "b-tg", dep=("one", "two"))), unknowns={"b-https": "certificateArn"}),
    Case("A validation of a certificate that is unknown.", base(
        resource(VALIDATION, "done", {"certificateArn": UNKNOWN}), listener("b-https", "b", "b-tg", dep=("done",))),
        unknowns={"done": "certificateArn"}),
    Case("A balancer whose groups are unknown.", base(
        REFERENCE, resource("aws:lb/loadBalancer:LoadBalancer", "b", {"arn": UNKNOWN, "internal": False, "securityGroups": UNKNOWN},
                            deps={"securityGroups": ["other"]})),
        unknowns={"b": "securityGroups", "fleet-from-b": "referencedSecurityGroupId"}),
    Case("A balancer that has one of two groups.", base(
        group("x"), resource("aws:lb/loadBalancer:LoadBalancer", "b", {"arn": UNKNOWN, "internal": False, "securityGroups": [UNKNOWN]},
                             deps={"securityGroups": ["b-group", "x"]})),
        unknowns={"b": "securityGroups", "fleet-from-b": "referencedSecurityGroupId"}),
    Case("A fleet whose groups are unknown.", base(
        REFERENCE, resource("aws:ec2/instance:Instance", "vm", {"id": UNKNOWN, "vpcSecurityGroupIds": UNKNOWN},
                            deps={"vpcSecurityGroupIds": ["other"]})), unknowns={"vm": "vpcSecurityGroupIds"}),
    Case("A port of the targets that is unknown.", base(target_group("b-tg", UNKNOWN)), unknowns={"b-tg": "port"}),
    Case("A classic balancer's listeners that are unknown.", base(
        REFERENCE, resource(CLASSIC, "b", {"securityGroups": [UNKNOWN], "instances": [UNKNOWN], "listeners": UNKNOWN},
                            deps={"securityGroups": ["b-group"], "instances": ["vm"], "listeners": ["other"]}),
        without=("b-tg", "b-https", "b-member")), unknowns={"b": "listeners"}),
    Case("A service's container port that is unknown.", service([8080, UNKNOWN]), unknowns={"vm": "loadBalancers.1"}),
    Case("A service's balancers that are unknown.", service(UNKNOWN), unknowns={"vm": "loadBalancers"}),
    Case("A rule's ports that are unknown.", base(admits("r", "fleet", UNKNOWN, "10.0.0.0/8")), unknowns={"r": "fromPort"}),
    Case("A rule's group that is unknown.", base(admits("r", "fleet", 8080, referencedSecurityGroupId=UNKNOWN)),
         unknowns={"r": "referencedSecurityGroupId"}),
    Case("A rule that admits one of two balancers, nobody knows which.", base(resource(
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "fleet-from-a",
        {"securityGroupId": UNKNOWN, "ipProtocol": "tcp", "fromPort": 8080, "toPort": 8080, "referencedSecurityGroupId": UNKNOWN},
        deps={"securityGroupId": ["fleet"], "referencedSecurityGroupId": ["a-group", "b-group"]})),
        unknowns={"fleet-from-a": "referencedSecurityGroupId"}),
    Case("A list of networks that may be empty.", base(REFERENCE, resource(
        "aws:ec2/securityGroup:SecurityGroup", "fleet", {"id": UNKNOWN, "ingress": [inline(8080, cidrBlocks=UNKNOWN)]},
        deps={"ingress": ["other"]})), unknowns={"fleet": "ingress.0.cidrBlocks"}),
    Case("A rule of which nobody knows whose it is.", base(REFERENCE, admits("r", "other", 8080, "10.0.0.0/8")),
         unknowns={"r": "securityGroupId"}),
]  # fmt: skip


@pytest.mark.parametrize("case", [*GOOD, *BAD, *UNSURE], ids=lambda case: case.reason)
def test_corpus(case: Case) -> None:
    assert case.judge(multi_load_balancer) == (dict(case.fails), dict(case.unknowns))


@pytest.mark.parametrize("without", [("b-https",), ("b-member",), ("b",), ("a-member", "b-member")])
def test_one_balancer_or_none_before_a_fleet_is_not_applicable(without: tuple[str, ...]) -> None:
    network = [item for item in base() if item.name not in without and not ("b" in without and item.name == "b-https")]
    assert verdicts(multi_load_balancer, stack(*network)) == [("", NotApplicable("the stack has no fleet behind two load balancers"))]


def test_a_balancer_behind_balancers_is_no_fleet_and_a_gateway_balancer_ends_no_tls() -> None:
    fronts = base(balancer("vm", "fleet", internal=True), without=("vm",))
    gateway = base(resource("aws:lb/loadBalancer:LoadBalancer", "b", {"arn": UNKNOWN, "loadBalancerType": "gateway"}))
    for network in (fronts, gateway):
        assert verdicts(multi_load_balancer, stack(*network)) == [("", NotApplicable("the stack has no fleet behind two load balancers"))]


def test_metadata() -> None:
    assert (multi_load_balancer.id, multi_load_balancer.severity) == ("multi-load-balancer", Severity.HIGH)


FLEET_WAY = "rule hole -> security group fleet -> instance vm"
MESSAGES = {
    "forwards HTTP to a fleet behind several load balancers without terminating TLS: load balancer b -> listener b-https -> "
    "target group b-tg -> instance vm": "A listener without TLS.",
    "has no certificate to terminate TLS with: load balancer b -> listener b-https -> target group b-tg -> instance vm":
        "A TLS listener without a certificate.",
    f"terminates TLS with certificate {ARN}a, which load balancer a uses too: load balancer a -> listener a-https -> "
    f"certificate {ARN}a -> listener b-https -> load balancer b": "A certificate by its ARN that both have.",
    "terminates TLS with certificate one, which load balancer a uses too: load balancer a -> listener a-https -> certificate one -> "
    "listener b-https -> load balancer b": "A certificate of the stack that both have, once by its validation.",
    "shares security group a-group with load balancer a, in front of the same fleet: load balancer a -> security group a-group -> "
    "load balancer b": "A group that both wear.",
    "has no security group that the fleet could allow: load balancer b -> instance vm":
        "A network balancer without a group.",
    "allows port 8080 of a fleet behind load balancers from 10.0.0.0/8 instead of a load balancer's group: "
    f"{FLEET_WAY}": "The fleet admits a network.",
    "does not allow the group of load balancer b on port 8080: load balancer b -> target group b-tg -> instance vm -> "
    "security group fleet": "The fleet does not admit a balancer.",
    "forwards HTTP to a fleet behind several load balancers without terminating TLS: classic load balancer b -> listeners.0 -> instance vm":
        "A classic balancer without TLS, whatever else it has.",
}  # fmt: skip


@pytest.mark.parametrize(("message", "reason"), MESSAGES.items(), ids=MESSAGES.values())
def test_messages(message: str, reason: str) -> None:
    case = next(case for case in BAD if case.reason == reason)
    (found,) = [verdict for _, verdict in verdicts(multi_load_balancer, stack(*case.network))]
    assert isinstance(found, Fail)
    assert found.message == message


def test_two_fleets_tell_what_their_balancers_share_once() -> None:
    more = [group("fleet2"), instance("vm2", "fleet2"), attached("a2", "a-tg", "vm2"), attached("b2", "b-tg", "vm2")]
    rules = [admits(f"fleet2-from-{name}", "fleet2", 8080, from_group=f"{name}-group") for name in "ab"]
    network = stack(*base(*more, *rules, balancer("b", "b-group", "a-group", internal=False)))
    assert [name for name, _ in verdicts(multi_load_balancer, network)] == ["b"]


@pytest.mark.parametrize("deployed", [False, True], ids=["preview", "deployed"])
def test_the_example_passes(deployed: bool) -> None:
    assert verdicts(multi_load_balancer, example("multi_load_balancer", deployed=deployed)) == [("", Pass())]


RULE = "import pulumi_aws as aws\naws.vpc.SecurityGroupIngressRule('hole', ip_protocol='tcp', from_port=8080, to_port=8080, "
TRANSFORM = """import pulumi
def change(args):
    if args.name == {name!r}:
        return pulumi.ResourceTransformResult(props={{**args.props, {key!r}: {value}}}, opts=args.opts)
pulumi.runtime.register_resource_transform(change)
import pulumi
"""


@pytest.mark.parametrize(
    ("changes", "after", "found"),
    [
        ({}, f"{RULE}security_group_id=edge.fleet_security_group_id, cidr_ipv4='10.0.0.0/8')", "hole"),
        (
            {'("public", "partner", "staff")]': '("public", "partner")]'},
            "aws = __import__('pulumi_aws')\n"
            "other = aws.lb.TargetGroup('other', port=9090, protocol='HTTP', vpc_id=network.vpc_id)\n"
            "aws.lb.ListenerRule('rule', listener_arn=edge.balancer('staff').https_listener_arn, conditions=[],"
            " actions=[{'type': 'forward', 'target_group_arn': other.arn}])\n"
            "aws.autoscaling.Attachment('join', autoscaling_group_name=fleet.auto_scaling_group_name, lb_target_group_arn=other.arn)",
            "fleet-group",
        ),
        ({'\nimport pulumi\n': "\n" + TRANSFORM.format(name="edge-staff-https", key="protocol", value="'HTTP'")}, "", "edge-staff-https"),
        (
            {'\nimport pulumi\n': "\n" + TRANSFORM.format(
                name="edge-staff-https", key="certificateArn", value=f"'{ARN}00000000-0000-4000-8000-000000000001'")},
            "",
            "edge-staff-https",
        ),
    ],
    ids=["a network", "a port that is not admitted", "no TLS", "a shared certificate"],
)  # fmt: skip
def test_the_example_with_one_change_fails(changes: dict[str, str], after: str, found: str) -> None:
    ((name, verdict),) = verdicts(multi_load_balancer, example("multi_load_balancer", changes, after=after))
    assert (name, type(verdict)) == (found, Fail)
