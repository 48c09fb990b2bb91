import base64
import gzip
import random
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.blocks.server import METADATA_OPTIONS, ROOT_DEVICE, amazon_linux, architecture, disk, encoded, launch_template, packed
from cloudpatterns.core import ArgumentError
from offline_preview.graph import Resource

from tests.components.blocks.parent import Parent, children, names
from tests.harness import refs

IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
IMDSV2 = {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1}


@pytest.mark.parametrize(
    ("instance_type", "expected"),
    [
        *((kind, "arm64") for kind in ("a1.large", "t4g.small", "c7gn.xlarge", "im4gn.large", "is4gen.large", "x2gd.metal", "m8gd.large")),
        *((kind, "x86_64") for kind in ("t3.small", "m5.large", "g4dn.xlarge", "g5.xlarge", "p4d.24xlarge", "u-6tb1.metal", "c5n.large")),
    ],
)
def test_the_architecture_of_an_instance_type(instance_type: str, expected: str) -> None:
    assert architecture(instance_type) == expected
    assert amazon_linux(instance_type) == f"/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{expected}"


def test_a_disk_is_encrypted_and_goes_with_its_instance() -> None:
    assert disk(ROOT_DEVICE, None, None) == {
        "device_name": "/dev/xvda",
        "ebs": {"volume_type": "gp3", "encrypted": "true", "delete_on_termination": "true"},
    }


@pytest.mark.parametrize(
    ("size", "key", "options", "expected"),
    [
        (20, None, {}, {"volume_size": 20}),
        (None, "key", {}, {"kms_key_id": "key"}),
        (None, None, {"iops": 4000}, {"iops": 4000}),
        (None, None, {"throughput_mib_per_second": 250}, {"throughput": 250}),
    ],
)
def test_a_disk_has_what_is_asked_of_it(size: int | None, key: str | None, options: dict[str, int], expected: dict[str, Any]) -> None:
    volume = {"volume_type": "gp3", "encrypted": "true", "delete_on_termination": "true", **expected}
    assert disk("/dev/sdf", size, key, **options) == {"device_name": "/dev/sdf", "ebs": volume}


def template(**options: Any) -> Resource:
    given: dict[str, Any] = {
        "image_parameter": IMAGE,
        "image_id": None,
        "disks": [disk(ROOT_DEVICE, 10, None)],
        "tags": {"Owner": "web"},
        **options,
    }
    graph = children(lambda parent: launch_template(parent, "shop-template", **given))
    assert names(graph) == {"shop-template": "LaunchTemplate"}
    return graph.named("shop-template")


def test_a_template_names_its_image_by_a_parameter_and_demands_session_tokens() -> None:
    found = template()
    assert found.inputs == {
        "imageId": f"resolve:ssm:{IMAGE}",
        "blockDeviceMappings": [
            {
                "deviceName": "/dev/xvda",
                "ebs": {"volumeSize": 10, "volumeType": "gp3", "encrypted": "true", "deleteOnTermination": "true"},
            }
        ],
        "metadataOptions": IMDSV2,
        "tags": {"Owner": "web"},
    }
    assert not found.options.get("replaceOnChanges")


def test_a_template_with_a_fixed_image_a_hop_more_and_further_inputs() -> None:
    plain = template().inputs
    found = template(
        image_parameter=None, image_id="ami-1", metadata_hop_limit=2, replace_on_changes=["imageId"], instance_type="t4g.nano", disks=[]
    )
    assert found.inputs == {
        **plain,
        "imageId": "ami-1",
        "blockDeviceMappings": [],
        "metadataOptions": {**IMDSV2, "httpPutResponseHopLimit": 2},
        "instanceType": "t4g.nano",
    }
    assert found.options["replaceOnChanges"] == ["imageId"]
    # The block's own options are those of every instance beside it.
    assert METADATA_OPTIONS["http_put_response_hop_limit"] == 1


def test_a_preview_knows_where_the_image_comes_from() -> None:
    def create(parent: Parent) -> None:
        parameter = aws.ssm.Parameter("image", type="String", value="ami-1")
        launch_template(parent, "shop-template", image_parameter=parameter.name, image_id=None, disks=[], tags={})

    graph = children(create, "preview")
    assert refs(graph, graph.named("shop-template"), "imageId") == ["image"]


def user_data(script: str | None, *, later: bool = False) -> Any:
    def create(parent: Parent) -> None:
        given = pulumi.Output.from_input(script) if later and script is not None else script
        aws.ec2.Instance("server", user_data_base64=encoded(parent, given))

    graph = children(create)
    return graph.named("server").inputs.get("userDataBase64")


@pytest.mark.parametrize("script", ["#!/bin/bash\ntrue\n", "#cloud-config\n", "#" + "x" * 16_383, "#é"])
def test_a_script_is_encoded_also_one_that_is_known_later(script: str) -> None:
    expected = base64.b64encode(script.encode()).decode()
    assert user_data(script) == expected
    assert user_data(script, later=True) == expected


def test_no_script_stays_none() -> None:
    assert user_data(None) is None


# What does not become smaller.
NOISE = "".join(random.Random(1).choices("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/", k=30_000))


def test_a_script_is_compressed_only_where_ec2_would_not_take_it() -> None:
    assert packed("#" * 16_384) == b"#" * 16_384
    long = packed("#" + "é" * 8_192)
    assert gzip.decompress(long).decode() == "#" + "é" * 8_192
    assert len(long) < 16_384


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (f"#{NOISE}", f"has {len(packed(f'#{NOISE}')):,} bytes, compressed; EC2 takes 16,384. Fetch the rest from S3 at boot."),
        ("echo hello world", "begins with 'echo hello'; cloud-init runs what begins with #!, #cloud-config and the like."),
        ("", "begins with ''; cloud-init runs what begins with #!, #cloud-config and the like."),
    ],
)
def test_a_script_that_ec2_would_refuse_or_not_run(script: str, reason: str) -> None:
    with pytest.raises(ArgumentError) as error:
        user_data(script)
    assert error.value.problems == [("user_data", reason)]
    assert (error.value.component, error.value.name) == ("Parent", "shop")
