"""GoldenEnvironment: developers launch a bucket as security has approved it, and may create no bucket of another form."""

from pathlib import Path

import pulumi
from cloudpatterns.security import GoldenEnvironment

config = pulumi.Config()
TEMPLATES = Path(__file__).parent / "templates"

golden = GoldenEnvironment(
    "golden",
    {
        "owner": "Platform team",
        "products": {
            "bucket": {
                "title": "Bucket for a team's files",
                # A new version is a new entry at the end; set "deprecated" of those before it, except the first.
                "versions": {"v1": {"template": (TEMPLATES / "bucket.yaml").read_text(encoding="utf-8")}},
                "allowed_values": {"Retention": ["30", "90"]},
                # What CloudFormation does with this template, as the launch role; developers have none of it.
                "statements": [
                    {
                        "actions": [
                            *("s3:CreateBucket", "s3:DeleteBucket", "s3:GetBucket*", "s3:Get*Configuration", "s3:PutBucketPolicy"),
                            *("s3:DeleteBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning"),
                            *("s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"),
                            *("s3:PutBucketTagging", "s3:ListTagsForResource", "s3:TagResource", "s3:UntagResource"),
                        ],
                        # Stacks of Service Catalog begin with SC-, and their buckets with sc-.
                        "resources": ["arn:aws:s3:::sc-*"],
                    }
                ],
            }
        },
        "users": {"developers": {"principal_arn": config.require("developer_role_arn")}},
        "alarm_topic_arns": [config.require("alarm_topic_arn")],
    },
)

# aws servicecatalog provision-product --product-id ... --provisioning-artifact-name v1 --provisioned-product-name files \
#   --provisioning-parameters Key=Retention,Value=90
pulumi.export("product_ids", golden.product_ids)
