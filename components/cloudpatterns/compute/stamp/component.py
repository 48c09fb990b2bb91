"""Server images that a pipeline builds, tests and distributes.

Pattern: "Stamp" (Cloud Design Patterns for AWS): a server is set up once and copied from its image.
"""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import service_role
from cloudpatterns.blocks.automation import automation_document, automation_role, notify_on_failed_automation
from cloudpatterns.blocks.event import notify_on_event
from cloudpatterns.blocks.key import create_key, logs_statement
from cloudpatterns.blocks.log_group import log_group
from cloudpatterns.compute.stamp.arguments import StampArgs, child_names, problems
from cloudpatterns.compute.stamp.documents import PROMOTE_PARAMETERS, promote_steps
from cloudpatterns.compute.stamp.roles import KEY_USE, LOG_GROUPS, build_statements, execution_role_arn
from cloudpatterns.core import Component, Statement, account_of, after, is_given, partition_of
from cloudpatterns.security import instance_profile

_REGIONS_TAG = "Regions"


class Stamp(Component):
    """Server images that a pipeline builds, tests and distributes to Regions (Cloud Design Patterns for AWS, "Stamp").

    EC2 Image Builder starts an instance of the parent image in a private subnet, runs the components, makes an encrypted image, tests it,
    and copies it to each Region under a key of that Region. It then writes the image's id to an SSM parameter of each Region, from which
    launch templates read it. The first image is built during the deployment. By hand, over all Regions or none:
    ``aws ssm start-automation-execution --document-name <promote_document_name> --parameters Build=previous``.

    **Use when**: servers start often or must start fast, or when what runs on them must be tested before it starts.

    **Not when**: a boot script of a minute is enough, or the software runs in containers: ``ContainerService``.

    **Cost drivers**: the build instance by the hour, snapshots of the images in each Region (those of earlier recipes until somebody
    deletes them), and a key per Region.

    **Trade-offs**: the first deployment takes as long as a build, half an hour or more. A build whose distribution fails in one Region may
    have written the parameters of others: an alarm reports it, and a promotion of the build before brings them back. Images, snapshots,
    parameters, recipes, components and keys stay after destroy, as servers may start from them.

    **Proven by**: controls ``image-volumes-encrypted``, ``ami-not-public``, ``imdsv2-required``; ``test_stamp.py``, and
    ``test_stamp_on_aws.py``, which walks the promotion through every failure and cancellation.
    """

    image_parameter: pulumi.Output[str]
    """Name of the SSM parameter with the newest image's id in every Region, available after the first build."""
    image_ids: pulumi.Output[dict[str, str]]
    """Ids of the image that the deployment built, by Region, for what takes an id and no parameter, such as ``first_image_id`` of a
    ``CloneServer``. Those of later builds are in the parameter alone."""
    pipeline_arn: pulumi.Output[str]
    """ARN of the pipeline."""
    log_group_name: pulumi.Output[str]
    """Name of the log group of the builds."""
    recipe_arn: pulumi.Output[str]
    """ARN of the recipe."""
    kms_key_arns: pulumi.Output[dict[str, str]]
    """Keys of the images, by Region."""
    promote_document_name: pulumi.Output[str]
    """Name of the Automation document that promotes or rolls back an image; its parameter is ``Build``."""

    def __init__(self, name: str, args: StampArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self.begin(name, args, opts, problems=problems, names=child_names)
        self._checked, self._tags = checked, checked["tags"]
        given_name = checked.get("parameter_name")
        self._parameter = f"/images/{name}" if given_name is None else given_name
        statements = [*build_statements(checked.get("existing_log_group_arn")), *checked["statements"]]
        profile = instance_profile(self, f"{name}-build", checked.get("instance_profile_arn"), statements, self._tags)
        keys = {region: self._key(name, region, profile.arn) for region in checked["regions"]}
        self.kms_key_arns = pulumi.Output.all(**keys)
        build_key_arn = keys[checked["regions"][0]]
        self.log_group_name = self._log_group(name, build_key_arn)
        given = checked.get("existing_recipe_arn")
        recipe = None if given is not None else self._recipe(name, build_key_arn)
        self.recipe_arn = recipe.arn if recipe is not None else pulumi.Output.from_input(given or "")
        self._builds = self._build_prefix(name, profile.arn)
        role_arn = execution_role_arn(self, checked, profile.arn, self._parameter_arns(profile.arn), list(keys.values()))
        infrastructure_arn = self._infrastructure(name, profile.name).arn.apply(self._in_first_region)
        distribution = self._distribution(name, keys)
        pipeline = self._pipeline(name, infrastructure_arn, distribution, role_arn)
        image = self._first_image(name, infrastructure_arn, distribution, role_arn)
        self.pipeline_arn = pipeline.arn
        self.image_parameter = after(self._parameter, image)
        self.image_ids = image.output_resources.apply(image_ids)
        self._lifecycle(name, recipe)
        self._promotion(name, profile.arn)
        if checked["alarm_topic_arns"]:
            self._report_failures(name)
        self.register()

    def _key(self, name: str, region: str, arn: pulumi.Output[str]) -> pulumi.Output[str]:
        given = self._checked["kms_key_arns"].get(region)
        if given is not None:
            return pulumi.Output.from_input(given)
        accounts = self._checked["launch_account_ids"]
        others = [pulumi.Output.concat("arn:", partition_of(arn), ":iam::", account, ":root") for account in accounts]
        scaling = pulumi.Output.concat(
            *("arn:", partition_of(arn), ":iam::", account_of(arn), ":role/aws-service-role/autoscaling.amazonaws.com/*")
        )
        # By a condition, not as the principal: KMS refuses a policy that names a role which does not exist yet.
        # https://docs.aws.amazon.com/autoscaling/ec2/userguide/key-policy-requirements-EBS-encryption.html
        own = {"StringEquals": {"kms:CallerAccount": account_of(arn)}, "ArnLike": {"aws:PrincipalArn": scaling}}
        grant = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        statements = [
            Statement(sid="AutoScalingUse", actions=KEY_USE, resources=["*"], principals={"AWS": ["*"]}, conditions=own),
            Statement(
                sid="AutoScalingGrants",
                actions=["kms:CreateGrant"],
                resources=["*"],
                principals={"AWS": ["*"]},
                conditions={**own, **grant},
            ),
        ]
        if others:
            statements += [
                Statement(sid="AccountsUse", actions=KEY_USE, resources=["*"], principals={"AWS": others}),
                Statement(sid="AccountsGrants", actions=["kms:CreateGrant"], resources=["*"], principals={"AWS": others}, conditions=grant),
            ]
        if region == self._checked["regions"][0] and not is_given(self._checked, "existing_log_group_arn"):
            place = pulumi.Output.concat("arn:", partition_of(arn), f":logs:{region}:", account_of(arn), ":")
            statements.append(logs_statement(place, f"{LOG_GROUPS}*"))
        description = f"Images of {name} in {region}"
        # Images, and disks of servers that were launched from them, outlive the component: without the key they could not start again.
        return create_key(self, f"{name}-key-{region}", description, statements, region=region, tags=self._tags, retain_on_delete=True)

    def _log_group(self, name: str, key_arn: pulumi.Output[str]) -> pulumi.Output[str]:
        given = self._checked.get("existing_log_group_arn")
        if given is not None:
            return pulumi.Output.from_input(given).apply(lambda arn: arn.split(":log-group:")[1].removesuffix(":*"))
        # What the managed policies of both roles may write to begins so.
        prefix, days = f"{LOG_GROUPS}{name}-", self._checked["log_retention_days"]
        return log_group(self, f"{name}-logs", days, name_prefix=prefix, kms_key_arn=key_arn, tags=self._tags).name

    def _in_first_region(self, arn: str) -> str:
        if (region := arn.split(":")[3]) != (first := self._checked["regions"][0]):
            self.refuse(("regions", f"begins with {first}, but the image is built in the provider's Region. Put {region} first."))
        return arn

    def _recipe(self, name: str, key_arn: pulumi.Output[str]) -> aws.imagebuilder.ImageRecipe:
        checked = self._checked
        # They stay: an image that is in use can be built again, and AWS refuses to delete a recipe that a pipeline still names.
        opts = self.child(retain_on_delete=True)
        arns = [
            aws.imagebuilder.Component(
                f"{name}-component-{key}", platform="Linux", version="1.0.0", data=text, tags=self._tags, opts=opts
            ).arn
            for key, text in checked["components"].items()
        ]
        ebs: aws.imagebuilder.ImageRecipeBlockDeviceMappingEbsArgsDict = {
            "encrypted": "true",
            "kms_key_id": key_arn,
            "volume_size": checked["root_disk_gib"],
            "volume_type": "gp3",
            "delete_on_termination": "true",
        }
        return aws.imagebuilder.ImageRecipe(
            f"{name}-recipe",
            parent_image=checked["parent_image"],
            version="1.0.0",
            components=[{"component_arn": arn} for arn in [*checked["managed_components"], *arns]],
            # Distribution encrypts copies; in the Region of the build the recipe decides.
            block_device_mappings=[{"device_name": checked["root_device_name"], "ebs": ebs}],
            tags=self._tags,
            opts=opts,
        )

    def _build_prefix(self, name: str, arn: pulumi.Output[str]) -> pulumi.Output[str]:
        """What the ARNs of the recipe's builds begin with. The name of a new recipe has a suffix, which a new version changes."""
        if is_given(self._checked, "existing_recipe_arn"):
            return self.recipe_arn.apply(lambda recipe: recipe.replace(":image-recipe/", ":image/").rpartition("/")[0] + "/")
        region = self._checked["regions"][0]
        return pulumi.Output.concat(
            "arn:", partition_of(arn), f":imagebuilder:{region}:", account_of(arn), f":image/{name.lower()}-recipe-"
        )

    def _parameter_arns(self, arn: pulumi.Output[str]) -> list[pulumi.Output[str]]:
        return [
            pulumi.Output.concat("arn:", partition_of(arn), f":ssm:{region}:", account_of(arn), f":parameter{self._parameter}")
            for region in self._checked["regions"]
        ]

    def _infrastructure(self, name: str, profile_name: pulumi.Output[str]) -> aws.imagebuilder.InfrastructureConfiguration:
        checked = self._checked
        return aws.imagebuilder.InfrastructureConfiguration(
            f"{name}-infrastructure",
            instance_profile_name=profile_name,
            instance_types=checked["instance_types"],
            instance_metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 1},
            subnet_id=checked["subnet_id"],
            security_group_ids=checked["security_group_ids"],
            # The provider's default leaves the instance of a failed build running.
            terminate_instance_on_failure=True,
            resource_tags={"Name": f"{name}-build", **self._tags},
            tags=self._tags,
            opts=self.child(),
        )

    def _distribution(self, name: str, keys: Mapping[str, pulumi.Output[str]]) -> aws.imagebuilder.DistributionConfiguration:
        accounts = self._checked["launch_account_ids"]
        distributions: list[aws.imagebuilder.DistributionConfigurationDistributionArgsDict] = [
            {
                "region": region,
                "ami_distribution_configuration": {
                    "name": f"{name} {{{{ imagebuilder:buildDate }}}}",
                    "kms_key_id": key_arn,
                    "ami_tags": {"Name": name, **self._tags},
                    **({"launch_permission": {"user_ids": accounts}} if accounts else {}),
                },
                # EC2 and Auto Scaling refuse a parameter of any other type, and a type cannot be changed later.
                # https://github.com/aws-samples/cdk-image-pipeline/issues/290
                "ssm_parameter_configurations": [{"parameter_name": self._parameter, "data_type": "aws:ec2:image"}],
            }
            for region, key_arn in keys.items()
        ]
        return aws.imagebuilder.DistributionConfiguration(
            f"{name}-distribution", distributions=distributions, tags=self._tags, opts=self.child()
        )

    def _pipeline(
        self,
        name: str,
        infrastructure_arn: pulumi.Output[str],
        distribution: aws.imagebuilder.DistributionConfiguration,
        role_arn: pulumi.Output[str],
    ) -> aws.imagebuilder.ImagePipeline:
        schedule = self._checked.get("schedule")
        condition = "EXPRESSION_MATCH_ONLY"
        if schedule is not None and schedule["only_with_updates"]:
            condition = "EXPRESSION_MATCH_AND_DEPENDENCY_UPDATES_AVAILABLE"
        return aws.imagebuilder.ImagePipeline(
            f"{name}-pipeline",
            image_recipe_arn=self.recipe_arn,
            infrastructure_configuration_arn=infrastructure_arn,
            distribution_configuration_arn=distribution.arn,
            execution_role=role_arn,
            logging_configuration={"image_log_group_name": self.log_group_name, "pipeline_log_group_name": self.log_group_name},
            schedule=None
            if schedule is None
            else {
                "schedule_expression": schedule["expression"],
                "timezone": schedule["time_zone"],
                "pipeline_execution_start_condition": condition,
            },
            tags=self._tags,
            opts=self.child(),
        )

    def _first_image(
        self,
        name: str,
        infrastructure_arn: pulumi.Output[str],
        distribution: aws.imagebuilder.DistributionConfiguration,
        role_arn: pulumi.Output[str],
    ) -> aws.imagebuilder.Image:
        return aws.imagebuilder.Image(
            f"{name}-first-image",
            image_recipe_arn=self.recipe_arn,
            infrastructure_configuration_arn=infrastructure_arn,
            distribution_configuration_arn=distribution.arn,
            execution_role=role_arn,
            logging_configuration={"log_group_name": self.log_group_name},
            # A Region that is added has no parameter before a build, and the distribution is changed in place: so this one is new.
            tags={**self._tags, _REGIONS_TAG: " ".join(sorted(self._checked["regions"]))},
            opts=self.child(
                # A build of before is what a promotion goes back to.
                retain_on_delete=True,
                # The provider waits for an hour: too short for copies of a large disk to far Regions.
                custom_timeouts=pulumi.CustomTimeouts(create="4h"),
                replace_on_changes=[f"tags.{_REGIONS_TAG}"],
            ),
        )

    def _lifecycle(self, name: str, recipe: aws.imagebuilder.ImageRecipe | None) -> None:
        # As AWS has the trust policy: https://docs.aws.amazon.com/imagebuilder/latest/userguide/image-lifecycle-prerequisites.html
        role = service_role(
            self,
            f"{name}-lifecycle-role",
            "imagebuilder.amazonaws.com",
            "Deletes images that are too old",
            managed_policies={f"{name}-lifecycle-managed": "service-role/EC2ImageBuilderLifecycleExecutionPolicy"},
            tags=self._tags,
        )
        # An ARN has the name in small letters.
        recipe_name = recipe.name if recipe else self.recipe_arn.apply(lambda text: text.split("/")[-2])
        version = recipe.version if recipe else self.recipe_arn.apply(lambda text: text.split("/")[-1])
        aws.imagebuilder.LifecyclePolicy(
            f"{name}-lifecycle",
            execution_role=role.arn,
            resource_type="AMI_IMAGE",
            resource_selection={"recipes": [{"name": recipe_name, "semantic_version": version}]},
            policy_details=[
                {
                    "action": {"type": "DELETE", "include_resources": {"amis": True, "snapshots": True}},
                    # Failed builds do not count: https://docs.aws.amazon.com/imagebuilder/latest/userguide/lifecycle-policy-execution.html
                    "filter": {"type": "COUNT", "value": self._checked["keep_images"]},
                    "exclusion_rules": {"amis": {"last_launched": {"unit": "DAYS", "value": self._checked["keep_launched_days"]}}},
                }
            ],
            tags=self._tags,
            opts=self.child(),
        )

    def _promotion(self, name: str, arn: pulumi.Output[str]) -> None:
        place = pulumi.Output.concat(*("arn:", partition_of(arn), f":ssm:{self._checked['regions'][0]}:", account_of(arn), ":"))
        parameters = self._parameter_arns(arn)
        role = automation_role(
            self,
            f"{name}-promote-role",
            f"{name}-promote-policy",
            "Writes the parameters of one image in all Regions",
            [
                Statement(actions=["ssm:GetParameter", "ssm:GetParameterHistory", "ssm:PutParameter"], resources=parameters),
                Statement(actions=["imagebuilder:GetImage"], resources=[pulumi.Output.concat(self._builds, "*")]),
                Statement(actions=["ec2:DescribeImages", "ssm:DescribeAutomationExecutions"], resources=["*"]),
            ],
            arn=place,
            tags=self._tags,
        )
        # A new recipe has another suffix.
        recipe = (
            self.recipe_arn.apply(lambda text: text.split("/")[-2])
            if is_given(self._checked, "existing_recipe_arn")
            else f"{name.lower()}-recipe-"
        )
        promote = automation_document(
            self,
            f"{name}-promote",
            f"Makes the parameters of {name} name the images of one build in all Regions, or leaves all as they were.",
            role_arn=role.arn,
            parameters=PROMOTE_PARAMETERS,
            steps=promote_steps(self._parameter, self._checked["regions"], recipe),
            tags=self._tags,
        )
        self._promote = promote.document
        self.promote_document_name = promote.document.name

    def _report_failures(self, name: str) -> None:
        topic_arns = self._checked["alarm_topic_arns"]
        # https://docs.aws.amazon.com/imagebuilder/latest/userguide/integ-eventbridge.html
        notify_on_event(
            self,
            f"{name}-failed-build",
            f"A build of {name} failed or was cancelled",
            pattern={
                "source": ["aws.imagebuilder"],
                "detail-type": ["EC2 Image Builder Image State Change"],
                "resources": [{"prefix": self._builds}],
                "detail": {"state": {"status": ["FAILED", "CANCELLED"]}},
            },
            topic_arns=topic_arns,
            tags=self._tags,
        )
        description = f"A promotion of an image of {name} failed, timed out or was cancelled"
        notify_on_failed_automation(self, f"{name}-failed-promotion", description, [self._promote], topic_arns, self._tags)


def image_ids(resources: Sequence[aws.imagebuilder.outputs.ImageOutputResource]) -> dict[str, str]:
    """Ids of the images of a build by Region."""
    images = [image for resource in resources for image in resource.amis or []]
    return {image.region: image.image for image in images if image.region and image.image}
