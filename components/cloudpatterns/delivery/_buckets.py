"""What lets one distribution, and nobody else, read a bucket."""

from collections.abc import Mapping

import pulumi

from cloudpatterns.blocks import create_key
from cloudpatterns.blocks.edge import decrypt_statement
from cloudpatterns.core import Component
from cloudpatterns.storage import BucketStatement, Replication


def reader_statements(*distribution_arns: pulumi.Input[str]) -> list[BucketStatement]:
    """Statements of the bucket's policy."""
    return [
        {
            "sid": "CloudFront",
            # Without s3:ListBucket, S3 answers 403 for what is not there. CloudFront asks for no list: its root is an object.
            "actions": ["s3:GetObject", "s3:ListBucket"],
            "principals": {"Service": ["cloudfront.amazonaws.com"]},
            "conditions": {"StringEquals": {"aws:SourceArn": list(distribution_arns)}},
        }
    ]


def reader_key(
    component: Component,
    child_name: str,
    description: str,
    distribution_arn: pulumi.Input[str],
    given: pulumi.Input[str] | None,
    tags: Mapping[str, pulumi.Input[str]],
    region: str | None = None,
) -> pulumi.Output[str]:
    """The ARN of the given key, or of a new one that lets the distribution read what it encrypts."""
    if given is not None:
        return pulumi.Output.from_input(given)
    statements = [decrypt_statement(distribution_arn)]
    # The bucket waits for its key, the distribution for the bucket, and the policy for the distribution.
    return create_key(component, child_name, description, statements, region=region, tags=tags, before_policy=True)


def reader_replication(
    component: Component,
    description: str,
    distribution_arn: pulumi.Input[str],
    given: Replication,
    tags: Mapping[str, pulumi.Input[str]],
) -> Replication:
    """A replica in another Region that the distribution may read too, with a key there."""
    name, region = component.pulumi_resource_name, given["region"]
    key_arn = reader_key(component, f"{name}-replica-key", description, distribution_arn, given.get("kms_key_arn"), tags, region)
    return {**given, "kms_key_arn": key_arn, "statements": [*given.get("statements", []), *reader_statements(distribution_arn)]}
