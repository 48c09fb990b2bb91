"""What an EC2 instance needs for Systems Manager to run documents on it by an association."""

import pulumi

from cloudpatterns.core import Statement, account_of, partition_of, region_of

# https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSSMManagedInstanceCore.html
_CHANNELS = ("CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel")
_MESSAGES = ("AcknowledgeMessage", "DeleteMessage", "FailMessage", "GetEndpoint", "GetMessages", "SendReply")


def managed_instance_statements(document_arn: pulumi.Output[str]) -> list[Statement]:
    """The rights of Systems Manager's agent, for Session Manager and for the associations of one document."""
    place = pulumi.Output.concat("arn:", partition_of(document_arn), ":{}:", region_of(document_arn), ":", account_of(document_arn), ":")
    instances = place.apply(lambda text: text.format("ec2") + "instance/*")
    associations = place.apply(lambda text: text.format("ssm") + "association/*")
    agent = ["ssm:UpdateInstanceInformation", "ssm:PutInventory", "ssm:PutConfigurePackageResult"]
    return [
        Statement(
            sid="ManagedInstance",
            actions=[*agent, *(f"ssmmessages:{action}" for action in _CHANNELS), *(f"ec2messages:{action}" for action in _MESSAGES)],
            resources=["*"],
        ),
        Statement(
            sid="Associations",
            actions=[
                *("ssm:ListInstanceAssociations", "ssm:DescribeAssociation", "ssm:PutComplianceItems"),
                *("ssm:UpdateAssociationStatus", "ssm:UpdateInstanceAssociationStatus"),
            ],
            resources=[instances, associations, document_arn],
        ),
    ]
