"""Five doors that are open to everyone are found by program and by export, in both forms; the same doors, confined, are not."""

import json
from pathlib import Path
from typing import Any

import pytest
from offline_preview import cli

from tests.program import ROOT

PACK = ROOT / "policies" / "security"
PROGRAM = """
import json
import pulumi_aws as aws

CONDITION = {condition}

def policy(action, on="*"):
    statement = {{"Sid": "Door", "Effect": "Allow", "Principal": "*", "Action": action, "Resource": on, **CONDITION}}
    return json.dumps({{"Version": "2012-10-17", "Statement": [statement]}})

secret = aws.secretsmanager.Secret("secret", policy=policy("secretsmanager:GetSecretValue"))
aws.secretsmanager.SecretPolicy("secret-policy", secret_arn=secret.arn, policy=policy("secretsmanager:*"))
aws.opensearch.Domain("search", domain_name="search", access_policies=policy("es:ESHttp*"))
images = aws.ecr.Repository("images")
aws.ecr.RepositoryPolicy("images-policy", repository=images.name, policy=policy(["ecr:BatchGetImage", "ecr:PutImage"]))
aws.kms.Key("key", policy=policy("kms:*"))
files = aws.s3.Bucket("files", bucket="files")
on = "arn:aws:s3:::files/*"
aws.s3.BucketPolicy("files-policy", bucket=files.id, policy=policy(["s3:GetObject", "s3:PutObject"], on))
"""
DOORS = {
    ("secret-policy-not-public", "secret"): "allows secretsmanager:GetSecretValue",
    ("secret-policy-not-public", "secret-policy"): "allows secretsmanager:*",
    ("opensearch-policy-not-public", "search"): "allows es:ESHttp*",
    ("ecr-policy-not-public", "images-policy"): "allows ecr:BatchGetImage, ecr:PutImage",
    ("kms-key-not-public", "key"): "allows kms:*",
    ("s3-policy-not-public", "files-policy"): "allows s3:GetObject, s3:PutObject",
}
CONFINED = {
    "aws:SourceArn": "arn:aws:cloudfront::123456789012:distribution/E1",
    "aws:PrincipalOrgID": "o-abcdefghij",
    "aws:PrincipalAccount": "123456789012",
    "aws:SourceVpce": "vpce-0123456789abcdef0",
}


def project(folder: Path, condition: dict[str, Any]) -> Path:
    (folder / "Pulumi.yaml").write_text("name: shop\nruntime: python\n", encoding="utf-8")
    (folder / "Pulumi.prod.yaml").write_text("config:\n  aws:region: eu-west-1\n", encoding="utf-8")
    (folder / "__main__.py").write_text(PROGRAM.format(condition=condition), encoding="utf-8")
    return folder


def found(folder: Path, *arguments: str) -> dict[tuple[str, str], str]:
    """Mandatory findings that something is open to everyone, by control and resource."""
    report = folder / "report.json"
    cli.main([*arguments, "--policy-pack", str(PACK), "--policy-pack-config", str(PACK / "prod.json"), "--json", str(report)])
    return {
        (one["control"], one["urn"].rpartition("::")[2]): one["message"]
        for one in json.loads(report.read_text(encoding="utf-8"))["findings"]
        if one["level"] == "mandatory" and "not-public" in one["control"]
    }


def export(folder: Path, condition: dict[str, Any]) -> Path:
    """What `pulumi stack export` has of the same resources."""
    fields = {"Sid": "Door", "Effect": "Allow", "Principal": "*", **condition}

    def policy(action: Any, on: str = "*") -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": [{**fields, "Action": action, "Resource": on}]})

    secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:secret"
    resources = {
        "secret": ("aws:secretsmanager/secret:Secret", {"policy": policy("secretsmanager:GetSecretValue")}),
        "secret-policy": ("aws:secretsmanager/secretPolicy:SecretPolicy", {"secretArn": secret, "policy": policy("secretsmanager:*")}),
        "search": ("aws:opensearch/domain:Domain", {"domainName": "search", "accessPolicies": policy("es:ESHttp*")}),
        "images-policy": (
            "aws:ecr/repositoryPolicy:RepositoryPolicy",
            {"repository": "images", "policy": policy(["ecr:BatchGetImage", "ecr:PutImage"])},
        ),
        "key": ("aws:kms/key:Key", {"policy": policy("kms:*")}),
        "files-policy": (
            "aws:s3/bucketPolicy:BucketPolicy",
            {"bucket": "files", "policy": policy(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::files/*")},
        ),
    }
    stack = {"urn": "urn:pulumi:prod::shop::pulumi:pulumi:Stack::shop-prod", "custom": False, "type": "pulumi:pulumi:Stack"}
    states = [
        {"urn": f"urn:pulumi:prod::shop::{type}::{name}", "custom": True, "type": type, "inputs": inputs, "outputs": {**inputs, "id": name}}
        for name, (type, inputs) in resources.items()
    ]
    file = folder / "export.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"manifest": {}, "resources": [stack, *states]}}), encoding="utf-8")
    return file


@pytest.mark.parametrize("form", ["preview", "deployed", "export"])
def test_open_doors_are_found_and_confined_ones_are_not(form: str, tmp_path: Path) -> None:
    def doors(condition: dict[str, Any]) -> dict[tuple[str, str], str]:
        if form == "export":
            return found(tmp_path, "--state", str(export(tmp_path, condition)))
        return found(tmp_path, "--project", str(project(tmp_path, condition)), "--as", form)

    opened = doors({})
    assert opened.keys() == DOORS.keys()
    for place, start in DOORS.items():
        assert f"{start} to everyone (Principal *) in statement Door" in opened[place]
    for key, value in CONFINED.items():
        assert doors({"Condition": {"StringEquals": {key: value}}}) == {}
