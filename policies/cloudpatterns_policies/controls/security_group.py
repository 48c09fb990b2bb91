"""Security group rules, one by one. Other controls check the combination of several rules on the graph."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._rules import EGRESS_RULE, GROUP, INGRESS_RULE, RULE, Rule, internet_reach, judge, rules
from cloudpatterns_policies.core import Fail, Resource, Severity, Unknown, Verdict, control
from cloudpatterns_policies.graph.ports import ALL, describe, icmp, parse_ports
from cloudpatterns_policies.graph.spans import Spans

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html"
_INGRESS: Final = (GROUP, RULE, INGRESS_RULE)
_EGRESS: Final = (GROUP, RULE, EGRESS_RULE)

_ICMP: Final = icmp(range(256)) | icmp(range(256), v6=True)
_HIGH_RISK: Final = parse_ports(
    map(
        str,
        (20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601, 8080, 8088, 8888, 9200, 9300),
    )
)
"""The ports of EC2.19."""
_SSH: Final = parse_ports(["22", "22/udp"])
_RDP: Final = parse_ports(["3389", "3389/udp"])
_WHOLE: Final = (parse_ports(["1-65535"]), parse_ports(["1-65535/udp"]))
"""All of TCP, all of UDP; nothing uses port 0."""
_NO_DESCRIPTION: Final = ("", "Managed by Pulumi", "Managed by Terraform")
"""What the provider writes when the program says nothing."""


def _opened(resource: Resource, concern: Callable[[Spans], Spans]) -> Iterable[Verdict]:
    """Fails for each ingress rule that opens ports selected by `concern` to the internet."""

    def check(rule: Rule) -> Verdict | None:
        reach = internet_reach(rule, concern)
        return Fail(f"opens {describe(reach[0])} to {reach[2]}", reach[1]) if reach else None

    return judge(resource, "ingress", check)


@control(
    id="security-group-authorized-ports",
    title="Security groups open only authorised ports to the internet",
    severity=Severity.HIGH,
    types=_INGRESS,
    why="Scanners try every port that is open to the internet within minutes.",
    remediation="Narrow cidr_ipv4, cidr_ipv6 or cidr_blocks to the callers, or name their group in referenced_security_group_id.",
    url=f"{_PAGE}#ec2-18",
    frameworks={"FSBP": ("EC2.18",), "Checkov": ("CKV_AWS_277",)},
    config={
        "authorizedPorts": {
            "type": "array",
            "items": {"type": "string", "pattern": "^[0-9]{1,5}(-[0-9]{1,5})?(/(tcp|udp))?$"},
            "default": ["80", "443"],
            "description": "Ports that the internet may reach, such as 443, 8000-8010 or 443/udp.",
        }
    },
)
def security_group_authorized_ports(resource: Resource, config: Mapping[str, Any]) -> Iterable[Verdict]:
    # ICMP has no ports; path MTU discovery depends on it.
    others = ALL - parse_ports(config["authorizedPorts"]) - _ICMP
    return _opened(resource, lambda ports: ports if ports & others else Spans())


@control(
    id="security-group-high-risk-ports",
    title="Security groups do not open high-risk ports to the internet",
    severity=Severity.CRITICAL,
    types=_INGRESS,
    why="Scanners look for remote consoles, databases and development servers first.",
    remediation="Remove the rule, or name the callers' group in referenced_security_group_id.",
    url=f"{_PAGE}#ec2-19",
    frameworks={"FSBP": ("EC2.19",)},
)
def security_group_high_risk_ports(resource: Resource) -> Iterable[Verdict]:
    return _opened(resource, lambda ports: ports & _HIGH_RISK)


@control(
    id="security-group-ssh",
    title="Security groups do not open SSH to the internet",
    severity=Severity.HIGH,
    types=_INGRESS,
    why="When SSH is open to the internet, one stolen key or one vulnerability gives a shell on the host.",
    remediation="Name the operators' prefix_list_id or their CIDR in the rule, or use Session Manager and remove it.",
    url=f"{_PAGE}#ec2-54",
    frameworks={"CIS 5.0": ("5.3", "5.4"), "Checkov": ("CKV_AWS_24",)},
)
def security_group_ssh(resource: Resource) -> Iterable[Verdict]:
    return _opened(resource, lambda ports: ports & _SSH)


@control(
    id="security-group-rdp",
    title="Security groups do not open RDP to the internet",
    severity=Severity.HIGH,
    types=_INGRESS,
    why="RDP that is open to the internet is a common entry point for ransomware.",
    remediation="Name the operators' prefix_list_id or their CIDR in the rule, or use Fleet Manager and remove it.",
    url=f"{_PAGE}#ec2-54",
    frameworks={"CIS 5.0": ("5.3", "5.4"), "Checkov": ("CKV_AWS_25",)},
)
def security_group_rdp(resource: Resource) -> Iterable[Verdict]:
    return _opened(resource, lambda ports: ports & _RDP)


@control(
    id="security-group-egress",
    title="Security groups do not allow all outbound traffic to the internet",
    severity=Severity.MEDIUM,
    types=_EGRESS,
    why="A compromised host can send data to any address, and download tools, over any port.",
    remediation="Set from_port, to_port and ip_protocol to the needed values, such as 443 over tcp, or name a group or prefix list.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",
    frameworks={"Checkov": ("CKV_AWS_382",)},
)
def security_group_egress(resource: Resource) -> Iterable[Verdict]:
    # A rule for some ports passes: addresses of package repositories and public APIs change, and a group cannot use DNS names.
    def check(rule: Rule) -> Verdict | None:
        reach = internet_reach(rule, lambda ports: ports if any(ports & everything == everything for everything in _WHOLE) else Spans())
        return Fail(f"allows outbound {describe(reach[0])} to {reach[2]}", reach[1]) if reach else None

    return judge(resource, "egress", check)


@control(
    id="security-group-descriptions",
    title="Security groups and their rules have a description",
    severity=Severity.LOW,
    types=(*_INGRESS, EGRESS_RULE),
    why="Nobody removes a rule whose purpose is unknown.",
    remediation="Set description on the group and on each of its rules.",
    url="https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html",
    frameworks={"Checkov": ("CKV_AWS_23",)},
)
def security_group_descriptions(resource: Resource) -> Iterable[Verdict]:
    paths = ["description"]
    if resource.type == GROUP:
        paths += [f"{rule.prefix}description" for direction in ("ingress", "egress") for rule in rules(resource, direction)]
    for path in paths:
        if resource.is_unknown(path):
            yield Unknown(path)
        elif resource.get(path, "") in _NO_DESCRIPTION:
            yield Fail("has no description" if path == "description" else "has a rule without a description", path)
