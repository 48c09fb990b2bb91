"""Instances, what makes them, and their disks."""

import base64
import gzip
from collections.abc import Callable
from typing import Any

import pytest
from cloudpatterns_policies.controls import compute as controls
from cloudpatterns_policies.core import Control, Fail, NotApplicable, Pass, Resource, Unknown, Verdict

from tests.policies.helpers import UNKNOWN, resource, secret, stack, verdicts

INSTANCE, SPOT = "aws:ec2/instance:Instance", "aws:ec2/spotInstanceRequest:SpotInstanceRequest"
SPOT_FLEET = "aws:ec2/spotFleetRequest:SpotFleetRequest"
TEMPLATE, CONFIGURATION = "aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/launchConfiguration:LaunchConfiguration"
LAUNCHES = (INSTANCE, SPOT, TEMPLATE, CONFIGURATION)
VOLUME, GROUP, SUBNET = "aws:ebs/volume:Volume", "aws:autoscaling/group:Group", "aws:ec2/subnet:Subnet"
IMDS, HOPS, PUBLIC = controls.imdsv2_required, controls.imds_hop_limit, controls.instance_no_public_ip
DISKS, TEMPLATE_DISKS, USER_DATA = controls.ebs_volume_encrypted, controls.launch_template_volumes_encrypted, controls.user_data_no_secrets
ZONES, HEALTH = controls.auto_scaling_several_zones, controls.auto_scaling_load_balancer_health

TOKENS = Fail("allows IMDSv1, metadata requests without a session token", "metadataOptions.httpTokens")
BUILD_TOKENS = "instanceMetadataOptions.httpTokens"
HOP_PATH = "metadataOptions.httpPutResponseHopLimit"

Props = dict[str, Any]


def run(control: Control, type: str, props: Props, config: Props | None = None) -> list[Verdict]:
    return verdicts(control, resource(type, "web", props), config)


@pytest.mark.parametrize("type", LAUNCHES)
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"httpTokens": "required"}, Pass()),
        ({"httpEndpoint": "disabled"}, Pass()),
        ({"httpTokens": "optional"}, TOKENS),
        ({"httpEndpoint": "enabled"}, TOKENS),
        (None, TOKENS),
        ({"httpTokens": UNKNOWN}, Unknown("metadataOptions.httpTokens")),
        (UNKNOWN, Unknown("metadataOptions.httpEndpoint")),
    ],
)
def test_imdsv2(type: str, options: Any, expected: Verdict) -> None:
    assert run(IMDS, type, {"metadataOptions": options}) == [expected]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"httpTokens": "required"}, Pass()),
        ({"httpTokens": "optional"}, Fail(TOKENS.message, BUILD_TOKENS)),
        ({}, Fail(TOKENS.message, BUILD_TOKENS)),
        (None, Fail(TOKENS.message, BUILD_TOKENS)),
        ({"httpTokens": UNKNOWN}, Unknown(BUILD_TOKENS)),
    ],
)
def test_imdsv2_of_image_builds(options: Any, expected: Verdict) -> None:
    type_ = "aws:imagebuilder/infrastructureConfiguration:InfrastructureConfiguration"
    assert run(IMDS, type_, {"instanceMetadataOptions": options}) == [expected]


@pytest.mark.parametrize("type", [INSTANCE, SPOT])
@pytest.mark.parametrize("template", [{"id": UNKNOWN}, UNKNOWN])
def test_launch_template_decides(type: str, template: Any) -> None:
    expected = NotApplicable("takes its metadata options from its launch template")
    assert run(IMDS, type, {"launchTemplate": template}) == [expected]
    assert run(IMDS, type, {"launchTemplate": template, "metadataOptions": {"httpTokens": "optional"}}) == [TOKENS]
    assert run(DISKS, type, {"launchTemplate": template}) == [Pass()]
    own = {"launchTemplate": template, "rootBlockDevice": {"encrypted": False}}
    assert run(DISKS, type, own) == [Fail("does not encrypt root volume", "rootBlockDevice.encrypted")]


@pytest.mark.parametrize("type", LAUNCHES)
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"httpPutResponseHopLimit": 1}, Pass()),
        ({}, Pass()),
        (None, Pass()),
        ({"httpPutResponseHopLimit": 2}, Fail("has a metadata hop limit of 2", HOP_PATH)),
        ({"httpPutResponseHopLimit": 2, "httpEndpoint": "disabled"}, Pass()),
        ({"httpPutResponseHopLimit": UNKNOWN}, Unknown(HOP_PATH)),
    ],
)
def test_hop_limit(type: str, options: Any, expected: Verdict) -> None:
    assert run(HOPS, type, {"metadataOptions": options}) == [expected]


def test_hop_limit_can_be_chosen() -> None:
    props = {"metadataOptions": {"httpPutResponseHopLimit": 3}}
    assert run(HOPS, TEMPLATE, props, {"maximumHops": 3}) == [Pass()]
    assert run(HOPS, TEMPLATE, props, {"maximumHops": 2}) == [Fail("has a metadata hop limit of 3", HOP_PATH)]


@pytest.mark.parametrize("type", [INSTANCE, SPOT, CONFIGURATION])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (False, Pass()),
        (None, Pass()),
        (True, Fail("asks for a public IPv4 address", "associatePublicIpAddress")),
        (UNKNOWN, Unknown("associatePublicIpAddress")),
    ],
)
def test_public_address(type: str, value: Any, expected: Verdict) -> None:
    assert run(PUBLIC, type, {"associatePublicIpAddress": value}) == [expected]


def test_public_address_of_a_spot_fleet() -> None:
    specifications = [{"associatePublicIpAddress": False}, {"associatePublicIpAddress": True}, {}]
    assert run(PUBLIC, SPOT_FLEET, {"launchSpecifications": specifications}) == [
        Fail("asks for a public IPv4 address", "launchSpecifications.1.associatePublicIpAddress")
    ]


def test_public_address_of_a_template() -> None:
    assert run(PUBLIC, TEMPLATE, {}) == [Pass()]
    assert run(PUBLIC, TEMPLATE, {"networkInterfaces": UNKNOWN}) == [Unknown("networkInterfaces")]
    values = ["false", None, "true", True, UNKNOWN]
    assert run(PUBLIC, TEMPLATE, {"networkInterfaces": [{"associatePublicIpAddress": value} for value in values]}) == [
        Fail("asks for a public IPv4 address", "networkInterfaces.2.associatePublicIpAddress"),
        Fail("asks for a public IPv4 address", "networkInterfaces.3.associatePublicIpAddress"),
        Unknown("networkInterfaces.4.associatePublicIpAddress"),
    ]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"encrypted": True}, Pass()),
        ({"encrypted": False}, Fail("does not encrypt volume web", "encrypted")),
        ({}, Fail("does not encrypt volume web", "encrypted")),
        ({"encrypted": UNKNOWN}, Unknown("encrypted")),
    ],
)
def test_volume(props: Props, expected: Verdict) -> None:
    assert run(DISKS, VOLUME, props) == [expected]


ROOT = {"rootBlockDevice": {"encrypted": True}}


@pytest.mark.parametrize("type", [INSTANCE, SPOT, CONFIGURATION])
@pytest.mark.parametrize(
    ("props", "expected"),
    [
        (ROOT, [Pass()]),
        ({**ROOT, "ebsBlockDevices": [{"deviceName": "/dev/sdb", "encrypted": True}]}, [Pass()]),
        ({}, [Fail("does not encrypt root volume", "rootBlockDevice.encrypted")]),
        ({"rootBlockDevice": {"volumeSize": 8}}, [Fail("does not encrypt root volume", "rootBlockDevice.encrypted")]),
        ({"rootBlockDevice": UNKNOWN}, [Unknown("rootBlockDevice.encrypted")]),
        (
            {**ROOT, "ebsBlockDevices": [{"deviceName": "/dev/sdb"}, {"encrypted": False}, {"deviceName": UNKNOWN, "encrypted": UNKNOWN}]},
            [
                Fail("does not encrypt volume /dev/sdb", "ebsBlockDevices.0.encrypted"),
                Fail("does not encrypt a volume", "ebsBlockDevices.1.encrypted"),
                Unknown("ebsBlockDevices.2.encrypted"),
            ],
        ),
        (
            {"rootBlockDevice": {"encrypted": False}, "ebsBlockDevices": UNKNOWN},
            [Fail("does not encrypt root volume", "rootBlockDevice.encrypted"), Unknown("ebsBlockDevices")],
        ),
    ],
)
def test_volumes_of_an_instance(type: str, props: Props, expected: list[Verdict]) -> None:
    assert run(DISKS, type, props) == expected


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [
        ([{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true"}}, {"deviceName": "/dev/xvdb", "ebs": {"encrypted": True}}], [Pass()]),
        ([{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true"}}, {"virtualName": "ephemeral0"}], [Pass()]),
        (
            [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "false"}}],
            [Fail("does not encrypt volume /dev/xvda", "blockDeviceMappings.0.ebs.encrypted")],
        ),
        ([{"deviceName": "/dev/xvda", "ebs": {}}], [Fail("does not encrypt volume /dev/xvda", "blockDeviceMappings.0.ebs.encrypted")]),
        ([{"deviceName": "/dev/xvda", "ebs": {"encrypted": UNKNOWN}}], [Unknown("blockDeviceMappings.0.ebs.encrypted")]),
        ([{"deviceName": "/dev/xvda", "ebs": UNKNOWN}], [Unknown("blockDeviceMappings.0.ebs.encrypted")]),
        ([], [Fail("does not encrypt its root volume", "blockDeviceMappings")]),
        (None, [Fail("does not encrypt its root volume", "blockDeviceMappings")]),
        (UNKNOWN, [Unknown("blockDeviceMappings")]),
    ],
)
def test_volumes_of_a_template(mappings: Any, expected: list[Verdict]) -> None:
    assert run(TEMPLATE_DISKS, TEMPLATE, {"blockDeviceMappings": mappings}) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, Pass()),
        (None, Pass()),
        (False, Fail("disables EBS encryption by default", "enabled")),
        (UNKNOWN, Unknown("enabled")),
    ],
)
def test_encryption_by_default(value: Any, expected: Verdict) -> None:
    type = "aws:ebs/encryptionByDefault:EncryptionByDefault"
    assert run(controls.ebs_encryption_by_default, type, {"enabled": value}) == [expected]


# Put together here, so that scanners of this repository find nothing.
KEY = "AKIA" + "IOSFODNN7EXAMPLE"
SECRETS = {
    f"export AWS_ACCESS_KEY_ID={KEY}": "an AWS access key",
    f"key: {KEY.replace('AKIA', 'ASIA')}\n": "an AWS access key",
    "aws_secret_access_key = " + "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY": "an AWS secret access key",
    "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIE": "a private key",
    "-----BEGIN " + "PRIVATE KEY-----": "a private key",
    "DB_PASSWORD=hunter22": "a password",
    'password: "hunter22"': "a password",
    "mysql --password=hunter22 -u root": "a password",
    "MYSQL_PWD=hunter22": "a password",
    "curl postgres://app:hunter22@db:5432/shop": "a URL with a password",
}
HARMLESS = [
    "",
    "#!/bin/sh\nyum update -y\n",
    "DB_PASSWORD=$(aws secretsmanager get-secret-value --secret-id db)",
    'DB_PASSWORD="$PASSWORD"',
    "DB_PASSWORD=`cat /run/secret`",
    "password={{ password }}",
    "lock_passwd: true",
    "chpasswd: { expire: false }",
    "chpasswd:\n  list: []",
    "password_file=/etc/secret",
    "password = get_secret('db')",
    'password = os.environ["DB"]',
    'if [ "$PASSWORD" = "" ]; then exit 1; fi',
    "curl https://example.com:8443/a@b",
    "curl https://app:$PASSWORD@example.com/",
    "XAKIAIOSFODNN7EXAMPLE",
    "AKIAIOSFODNN7EXAMPLEX",
    "-----BEGIN PUBLIC KEY-----",
]


def encodings(text: str) -> list[str]:
    return [text, base64.b64encode(text.encode()).decode(), base64.encodebytes(gzip.compress(text.encode())).decode()]


@pytest.mark.parametrize("way", [0, 1, 2])
@pytest.mark.parametrize("text", SECRETS)
def test_secrets_in_user_data(text: str, way: int) -> None:
    for type, path in ((INSTANCE, "userData"), (TEMPLATE, "userData"), (CONFIGURATION, "userDataBase64")):
        assert run(USER_DATA, type, {path: encodings(text)[way]}) == [Fail(f"holds {SECRETS[text]}", path)]


@pytest.mark.parametrize("way", [0, 1, 2])
@pytest.mark.parametrize("text", HARMLESS)
def test_no_secrets_in_user_data(text: str, way: int) -> None:
    assert run(USER_DATA, TEMPLATE, {"userData": encodings(text)[way]}) == [Pass()]


def multipart(text: str) -> str:
    """The text as cloud-init takes it: in Base64 in a part, and the whole in Base64 again."""
    part = base64.encodebytes(text.encode()).decode()
    return base64.b64encode(f"MIME-Version: 1.0\n\n--X\nContent-Transfer-Encoding: base64\n\n{part}--X--".encode()).decode()


def indented(text: str) -> str:
    """The text in a file that cloud-init writes, packed."""
    lines = base64.encodebytes(gzip.compress(text.encode())).decode().splitlines()
    content = "".join(f"      {line}\n" for line in lines)
    return f"#cloud-config\nwrite_files:\n- encoding: gz+b64\n  content: !!binary |\n{content}  path: /etc/app\n"


@pytest.mark.parametrize("pack", [multipart, indented])
def test_secrets_in_a_part_of_user_data(pack: Callable[[str], str]) -> None:
    script = "#!/bin/sh\n# what the application logs in with\nexport DB_PASSWORD=%s\nexec /usr/local/bin/app\n"
    assert run(USER_DATA, TEMPLATE, {"userData": pack(script % "hunter22")}) == [Fail("holds a password", "userData")]
    assert run(USER_DATA, TEMPLATE, {"userData": pack(script % "$(cat /run/secret)")}) == [Pass()]


def test_a_secret_in_a_block_that_runs_into_the_next_line() -> None:
    block = base64.b64encode(b"export DB_PASSWORD=hunter22").decode()
    assert run(USER_DATA, TEMPLATE, {"userData": f"content: {block}\nab\n"}) == [Fail("holds a password", "userData")]


def test_a_text_with_other_signs_is_no_base64() -> None:
    block = base64.b64encode(b"DB_PASSWORD=hunter22").decode()
    assert run(USER_DATA, TEMPLATE, {"userData": f"{block[:8]}.{block[8:]}"}) == [Pass()]


def test_secrets_in_user_data_of_a_spot_fleet() -> None:
    specifications = [{"userData": ""}, {"userData": "DB_PASSWORD=hunter22"}]
    assert run(USER_DATA, SPOT_FLEET, {"launchSpecifications": specifications}) == [
        Fail("holds a password", "launchSpecifications.1.userData")
    ]


def test_user_data_that_cannot_be_read() -> None:
    assert run(USER_DATA, INSTANCE, {"userData": base64.b64encode(b"\x1f\x8bno gzip").decode()}) == [Pass()]
    assert run(USER_DATA, INSTANCE, {"userData": base64.b64encode(b"\xff\xfe").decode()}) == [Pass()]
    assert run(USER_DATA, INSTANCE, {"userData": "Größe"}) == [Pass()]
    assert run(USER_DATA, INSTANCE, {}) == [Pass()]
    both = {"userData": UNKNOWN, "userDataBase64": secret("DB_PASSWORD=hunter22")}
    assert run(USER_DATA, INSTANCE, both) == [Unknown("userData"), Fail("holds a password", "userDataBase64")]


def group(props: Props, subnets: list[str] | None = None, sources: dict[str, list[str]] | None = None) -> Resource:
    return resource(GROUP, "fleet", props, deps={**({"vpcZoneIdentifiers": subnets} if subnets else {}), **(sources or {})})


def subnet(name: str, zone: Any) -> Resource:
    return resource(SUBNET, name, {"availabilityZone": zone})


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"vpcZoneIdentifiers": ["subnet-1", "subnet-2"]}, Pass()),
        ({"vpcZoneIdentifiers": [UNKNOWN, UNKNOWN]}, Pass()),
        ({"vpcZoneIdentifiers": ["subnet-1", UNKNOWN]}, Pass()),
        ({"availabilityZones": ["eu-west-1a", "eu-west-1b"]}, Pass()),
        ({"availabilityZones": ["eu-west-1a", "eu-west-1b"], "vpcZoneIdentifiers": UNKNOWN}, Pass()),
        ({"vpcZoneIdentifiers": ["subnet-1"]}, Fail("spans 1 zone, not 2", "vpcZoneIdentifiers")),
        ({"vpcZoneIdentifiers": ["subnet-1", "subnet-1"]}, Fail("spans 1 zone, not 2", "vpcZoneIdentifiers")),
        ({"availabilityZones": ["eu-west-1a"]}, Fail("spans 1 zone, not 2", "availabilityZones")),
        ({}, Fail("names no zones", "vpcZoneIdentifiers")),
        ({"vpcZoneIdentifiers": [], "availabilityZones": UNKNOWN}, Fail("names no zones", "vpcZoneIdentifiers")),
    ],
)
def test_zones_of_a_group(props: Props, expected: Verdict) -> None:
    assert verdicts(ZONES, stack(group(props))) == [("fleet", expected)]


@pytest.mark.parametrize(
    ("zones", "minimum", "expected"),
    [
        (["a", "b"], 2, Pass()),
        (["a", "a"], 2, Fail("spans 1 zone, not 2", "vpcZoneIdentifiers")),
        (["a", UNKNOWN], 2, Pass()),
        (["a", None], 2, Pass()),
        (["a", "b", "b"], 3, Fail("spans 2 zones, not 3", "vpcZoneIdentifiers")),
        (["a", "b", "c"], 3, Pass()),
    ],
)
def test_zones_of_the_subnets(zones: list[Any], minimum: int, expected: Verdict) -> None:
    subnets = [subnet(f"s{index}", zone) for index, zone in enumerate(zones)]
    fleet = group({"vpcZoneIdentifiers": [UNKNOWN] * len(zones)}, [item.name for item in subnets])
    assert verdicts(ZONES, stack(*subnets, fleet), {"minimumZones": minimum}) == [("fleet", expected)]


def test_zones_that_are_not_known_yet() -> None:
    fleet = group({"vpcZoneIdentifiers": UNKNOWN}, ["s0"])
    assert verdicts(ZONES, stack(subnet("s0", "a"), fleet)) == [("fleet", Unknown("vpcZoneIdentifiers"))]


@pytest.mark.parametrize(
    "attached", [{"targetGroupArns": ["arn"]}, {"loadBalancers": ["elb"]}, {"trafficSources": [{"identifier": "arn"}]}]
)
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("ELB", Pass()),
        ("EBS,ELB", Pass()),
        ("EC2", Fail("uses only the EC2 health check", "healthCheckType")),
        (None, Fail("uses only the EC2 health check", "healthCheckType")),
        (UNKNOWN, Fail("uses only the EC2 health check", "healthCheckType")),
    ],
)
def test_health_check(attached: Props, kind: Any, expected: Verdict) -> None:
    assert verdicts(HEALTH, stack(group({**attached, "healthCheckType": kind}))) == [("fleet", expected)]


@pytest.mark.parametrize(
    "type", ["aws:autoscaling/attachment:Attachment", "aws:autoscaling/trafficSourceAttachment:TrafficSourceAttachment"]
)
def test_health_check_where_the_balancer_is_attached_apart(type: str) -> None:
    attachment = resource(type, "attachment", {"autoscalingGroupName": UNKNOWN}, deps={"autoscalingGroupName": ["fleet"]})
    expected = Fail("uses only the EC2 health check", "healthCheckType")
    assert verdicts(HEALTH, stack(group({}), attachment)) == [("fleet", expected)]


def test_health_check_that_is_not_known_yet() -> None:
    source = resource("x:y:Z", "source")
    unknown = group(
        {"targetGroupArns": UNKNOWN, "healthCheckType": UNKNOWN},
        sources={key: ["source"] for key in ("targetGroupArns", "healthCheckType")},
    )
    assert verdicts(HEALTH, stack(source, unknown)) == [("fleet", Unknown("healthCheckType"))]
    behind_none = group({"targetGroupArns": UNKNOWN, "loadBalancers": [], "healthCheckType": "EC2"})
    assert verdicts(HEALTH, stack(behind_none)) == [("fleet", NotApplicable("is not behind a load balancer"))]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"launchTemplate": {"id": "lt-1"}}, Pass()),
        ({"launchTemplate": {"id": UNKNOWN}}, Pass()),
        ({"launchTemplate": UNKNOWN}, Unknown("launchTemplate")),
        ({"mixedInstancesPolicy": {"launchTemplate": {"launchTemplateSpecification": {}}}}, Pass()),
        ({"mixedInstancesPolicy": UNKNOWN}, Unknown("mixedInstancesPolicy.launchTemplate")),
        ({"launchConfiguration": "old"}, Fail("starts from a launch configuration", "launchConfiguration")),
        ({"launchConfiguration": UNKNOWN}, Fail("starts from a launch configuration", "launchConfiguration")),
        ({"mixedInstancesPolicy": {}}, Fail("has no launch template", "launchTemplate")),
        ({}, Fail("has no launch template", "launchTemplate")),
    ],
)
def test_launch_template_of_a_group(props: Props, expected: Verdict) -> None:
    assert run(controls.auto_scaling_launch_template, GROUP, props) == [expected]


@pytest.mark.parametrize(
    ("props", "expected"),
    [
        ({"kmsKeyId": "arn:aws:kms:eu-west-1:123456789012:key/1"}, Pass()),
        ({"kmsKeyId": UNKNOWN}, Pass()),
        ({}, Fail("has no customer-managed key", "kmsKeyId")),
        ({"kmsKeyId": ""}, Fail("has no customer-managed key", "kmsKeyId")),
    ],
)
def test_the_key_of_a_volume(props: Props, expected: Verdict) -> None:
    assert run(controls.ebs_volume_customer_key, VOLUME, props) == [expected]


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        ([{"deviceName": "/dev/sdf", "deleteOnTermination": False}], Pass()),
        (None, Pass()),
        ([{"deviceName": "/dev/sdf"}], Fail("deletes volume /dev/sdf when it is terminated", "ebsBlockDevices.0.deleteOnTermination")),
        (
            [{"deviceName": "/dev/sdf", "deleteOnTermination": True}],
            Fail("deletes volume /dev/sdf when it is terminated", "ebsBlockDevices.0.deleteOnTermination"),
        ),
        ([{"deviceName": "/dev/sdf", "deleteOnTermination": UNKNOWN}], Unknown("ebsBlockDevices.0.deleteOnTermination")),
        (UNKNOWN, Unknown("ebsBlockDevices")),
    ],
)
def test_volumes_that_die_with_their_instance(devices: Any, expected: Verdict) -> None:
    props = {} if devices is None else {"ebsBlockDevices": devices}
    assert run(controls.instance_volumes_outlive, INSTANCE, props) == [expected]
