"""Instances that find their configuration by their tags.

Pattern: "Cloud Dependency Injection" (Cloud Architecture Patterns).
"""

from functools import partial
from pathlib import Path

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks.boot import SEVERAL_PARTS, SHELL, BootPart, boot_script, multipart, parts_after
from cloudpatterns.compute.cloud_dependency_injection.arguments import CloudDependencyInjectionArgs, group, place_of, problems
from cloudpatterns.compute.scale_out.component import ScaleOut
from cloudpatterns.core import Component, Statement, account_of, after, document, partition_of, region_of_zone
from cloudpatterns.security import WorkloadRole, session_manager_statements

ENVIRONMENT_FILE = "/etc/cloudpatterns/configuration.env"
_ON_AWS = Path(__file__).parent / "on_aws"
_READ_PARAMETERS = ("ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath")


class CloudDependencyInjection(Component):
    """Servers of one image whose tags say what they are, and which read their configuration accordingly ("Cloud Dependency Injection").

    Composes ``ScaleOut`` with tags in the instance metadata. At boot, and every ``refresh_minutes``, a script on each instance reads the
    tags ``app``, ``env`` and ``role`` and fetches the parameters below ``/app/env/role``, or an object of a bucket. It replaces
    ``environment_file`` whole, with mode 0600, and restarts ``unit`` only after a change. A failure leaves the file as it is, fails
    ``cloudpatterns-configuration.service``, and has its reason in the journal.

    The role, not the tags, decides what an instance may read: it allows its own path, denies every other parameter, and denies to change
    tags of instances.

    **Use when**: one image serves several roles or environments, and configuration changes without a new image or deployment.

    **Not when**: the configuration is the same everywhere (``user_data``), or the servers are functions or containers, which have
    environment variables and secrets by reference.

    **Cost drivers**: those of ``ScaleOut``; standard parameters are free of charge, customer managed keys charge by the request.

    **Trade-offs**: a change reaches the instances within ``refresh_minutes``, on each at another time, and all of them restart; a wrong
    value reaches all as well. Whoever may write parameters below the path, or the object, controls the servers.

    **Proven by**: controls ``imdsv2-required``, ``launch-template-volumes-encrypted``; ``test_cloud_dependency_injection.py``, and
    ``test_cloud_dependency_injection_on_aws.py``, which runs the scripts in a shell.
    """

    auto_scaling_group_name: pulumi.Output[str]
    """The Auto Scaling group of the instances."""
    instance_profile_arn: pulumi.Output[str]
    """Profile of the instances; available after the role's policies are attached."""
    role_arn: pulumi.Output[str]
    """The instances' role."""
    configuration_path: pulumi.Output[str]
    """Path of the parameters, ``/app/env/role``, or the URI of the object with ``bucket_name``."""
    environment_file: pulumi.Output[str]
    """File with the configuration on each instance, for ``EnvironmentFile=``."""

    def __init__(self, name: str, args: CloudDependencyInjectionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=partial(problems, name), names={"role-role": 64, "servers-template": 128})
        self._checked = checked
        role = WorkloadRole(
            f"{name}-role",
            {
                "service": "ec2.amazonaws.com",
                "instance_profile": True,
                "description": "Instances that read their configuration by their tags",
                "statements": [*session_manager_statements(), *checked["statements"]],
                "tags": checked["tags"],
            },
            self.child(),
        )
        policy = aws.iam.RolePolicy(
            f"{name}-configuration", role=role.role_name, policy=document(*self._statements(role.role_arn)), opts=self.child()
        )
        parameters = [
            aws.ssm.Parameter(
                f"{name}-parameter-{key}",
                name=f"/{place_of(checked)}/{key}",
                type=aws.ssm.ParameterType.SECURE_STRING,
                key_id=checked.get("configuration_kms_key_arn"),
                value=pulumi.Output.secret(value),
                tags=checked["tags"],
                opts=self.child(),
            )
            for key, value in checked["parameters"].items()
        ]
        # The first instances find their configuration.
        profile_arn = after(role.instance_profile_arn, policy, *parameters)
        servers = ScaleOut(f"{name}-servers", group(checked, profile_arn, self._user_data()), self.child())
        self.auto_scaling_group_name, self.instance_profile_arn, self.role_arn = servers.auto_scaling_group_name, profile_arn, role.role_arn
        bucket = checked.get("bucket_name")
        self.configuration_path = (
            pulumi.Output.from_input(f"/{place_of(checked)}")
            if bucket is None
            else pulumi.Output.concat("s3://", bucket, f"/{place_of(checked)}/configuration.json")
        )
        self.environment_file = pulumi.Output.from_input(ENVIRONMENT_FILE)
        self.register()

    def _statements(self, role_arn: pulumi.Output[str]) -> list[Statement]:
        """The right to read the own path, and the refusal of every other one, whatever ``statements`` allow."""
        checked, partition, account = self._checked, partition_of(role_arn), account_of(role_arn)
        region = next((found for zone in checked["subnet_ids_by_zone"] if (found := region_of_zone(zone))), "*")
        bucket, key_arn, place = checked.get("bucket_name"), checked.get("configuration_kms_key_arn"), place_of(checked)
        path_arn = pulumi.Output.concat("arn:", partition, f":ssm:{region}:", account, f":parameter/{place}")
        # The path itself for GetParametersByPath; /role2 is neither.
        own = [path_arn, pulumi.Output.concat(path_arn, "/*")]
        deny_tags = Statement(
            sid="KeepTags",
            effect="Deny",
            actions=["ec2:CreateTags", "ec2:DeleteTags"],
            resources=[pulumi.Output.concat("arn:", partition, ":ec2:*:*:instance/*")],
        )
        deny_others = Statement(
            sid="OtherParameters", effect="Deny", actions=[*_READ_PARAMETERS, "ssm:GetParameterHistory"], not_resources=own
        )
        if bucket is None:
            read = Statement(sid="ReadConfiguration", actions=["ssm:GetParametersByPath"], resources=own)
            conditions = {"StringLike": {"kms:EncryptionContext:PARAMETER_ARN": [own[1]]}}
        else:
            object_arn = pulumi.Output.concat("arn:", partition, ":s3:::", bucket, f"/{place}/configuration.json")
            read = Statement(sid="ReadConfiguration", actions=["s3:GetObject"], resources=[object_arn])
            conditions = {"StringLike": {"kms:ViaService": ["s3.*.amazonaws.com", "s3.*.amazonaws.com.cn"]}}
        decrypt = [] if key_arn is None else [Statement(sid="Decrypt", actions=["kms:Decrypt"], resources=[key_arn], conditions=conditions)]
        return [read, *decrypt, deny_others, deny_tags]

    def _user_data(self) -> pulumi.Output[str]:
        checked = self._checked
        unit, bucket, script = checked.get("unit"), checked.get("bucket_name"), checked.get("user_data")

        def render(bucket: str, script: str) -> str:
            text = boot_script(_ON_AWS / "configuration.sh", {"BUCKET": bucket, "UNIT": "" if unit is None else unit})
            values = {"CONFIGURATION_SCRIPT": text, "REFRESH_MINUTES": checked["refresh_minutes"]}
            parts = [BootPart("10-configuration.sh", SHELL, boot_script(_ON_AWS / "install.sh", values))]
            if script:
                if not script.startswith(("#!", SEVERAL_PARTS)):
                    self.refuse(("user_data", f"begins with {script[:10]!r}; a script is needed. Begin it with #!/bin/bash."))
                parts += parts_after("20-application.sh", script)
            return multipart(parts)

        return pulumi.Output.all("" if bucket is None else bucket, "" if script is None else script).apply(lambda values: render(*values))
