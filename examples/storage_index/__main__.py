"""Storage index: photos in a bucket, which the pages of an application show by folder, newest first, or by their owner."""

import pulumi
from cloudpatterns.storage import DurableBucket
from cloudpatterns.uploads import StorageIndex

# An SNS topic that somebody reads.
ALARM_TOPIC_ARN = pulumi.Config().require("alarm_topic_arn")

photos = DurableBucket("photos", {"kind": "data"})
index = StorageIndex(
    "album",
    {
        "bucket_arn": photos.bucket_arn,
        # aws s3 cp cat.jpg s3://.../ada/ --metadata owner=ada
        "indexed_metadata": ["owner"],
        "alarm_topic_arns": [ALARM_TOPIC_ARN],
    },
)

pulumi.export("bucket_name", photos.bucket_name)
# aws lambda invoke --function-name ... --cli-binary-format raw-in-base64-out --payload '{"metadata": {"owner": "ada"}}' answer.json
pulumi.export("query_function_name", index.query_function_name)
# Photos that were there before: aws sqs send-message --queue-url ... --message-body '{"reindex": {}}'
pulumi.export("queue_url", index.queue_url)
# When the cause of failures is fixed: aws sqs start-message-move-task --source-arn ...
pulumi.export("dead_letter_queue_arn", index.dead_letter_queue_arn)
