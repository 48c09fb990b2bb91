"""Uploads that go from the browser to S3 by forms, each with limits that S3 enforces.

Pattern: "Direct Object Upload" (Cloud Design Patterns for AWS).
"""

from pathlib import Path

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import errors_alarm, pattern_function, send_statements, user_function
from cloudpatterns.blocks.malware_scan import object_key_statement
from cloudpatterns.core import Component, Statement, WorkloadStatementArgs, iam_statement
from cloudpatterns.uploads._completion import clean_uploads, invoke_when_clean, upload_key
from cloudpatterns.uploads._scanned_bucket import read_statements, upload_bucket
from cloudpatterns.uploads.direct_object_upload.arguments import DirectObjectUploadArgs, form_prefix, form_settings, problems

_CODE = Path(__file__).parent / "on_aws"


class DirectObjectUpload(Component):
    """Presigned forms with which browsers upload to S3 themselves (Cloud Design Patterns for AWS, "Direct Object Upload").

    A function issues the forms: give ``function_arn`` to a route of an ``ApiGateway``, POST for a form and GET for the state of an upload,
    POST behind an authorizer. S3 refuses another key, size or type than the form's, and an expired form. GuardDuty scans what
    arrives, and the bucket's policy gives nobody an object that the scan has not found clean, administrators included. The function's
    page tells the browser what became of the upload, and ``completion_function`` is invoked with each clean object.

    **Use when**: users send images, documents or videos that no server of yours needs to pass on.

    **Not when**: a single object is larger than 5 GiB, or senders speak SFTP (``WriteProxy``).

    **Cost drivers**: the scan (per GB and per object), tags of objects, stored bytes, one key.

    **Trade-offs**: an upload is readable only after its scan, usually within seconds; a file that cannot be scanned, such as an encrypted
    archive, is never. S3 compares the declared type, not the bytes. Nobody else tags the objects. ``expiry_seconds`` ends with the
    credentials of the function's role at the latest.

    **Proven by**: controls ``malware-scan-before-read``, ``malware-scan-tagged``, ``s3-tls-only``, ``s3-kms``;
    ``test_direct_object_upload.py``, ``test_direct_object_upload_served.py``.
    """

    function_arn: pulumi.Output[str]
    """ARN of the function that issues forms, for the routes of an API."""
    function_name: pulumi.Output[str]
    """Name of the function that issues forms."""
    bucket_name: pulumi.Output[str]
    """Name of the bucket."""
    bucket_arn: pulumi.Output[str]
    """ARN of the bucket."""
    bucket_regional_domain_name: pulumi.Output[str]
    """Host name of the new bucket in its Region, for a CDN that its policy names. Empty for an existing bucket."""
    bucket_policy: pulumi.Output[str]
    """The statements, as a policy in JSON, that refuse objects that are not clean: the new bucket has them, an existing one needs them."""
    kms_key_arn: pulumi.Output[str]
    """Key that encrypts the objects. Empty for an existing bucket without one."""
    log_bucket_name: pulumi.Output[str]
    """Bucket with the server access logs. Empty for an existing bucket."""
    completion_rule_arn: pulumi.Output[str]
    """ARN of the rule for clean objects. Empty without a completion function."""
    completion_dead_letter_queue_url: pulumi.Output[str]
    """URL of the queue with events that the completion function failed on. Empty without one."""

    def __init__(self, name: str, args: DirectObjectUploadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=_child_names)
        self._prefixes = [form_prefix(form, settings) for form, settings in checked["forms"].items()]
        completed = checked.get("completion_function") is not None or checked.get("existing_completion_function") is not None
        key_arn = upload_key(self, checked) if completed or checked.get("existing_bucket") is None else None
        uploads = upload_bucket(self, checked, self._prefixes, kms_key_arn=key_arn, cors_origins=checked["allowed_origins"])
        self._bucket = bucket = uploads.bucket
        function = self._function(name)
        self.function_arn, self.function_name = function.arn, function.name
        self.bucket_name, self.bucket_arn = pulumi.Output.from_input(bucket.name), bucket.arn
        self.bucket_policy, self.log_bucket_name = uploads.policy, uploads.log_bucket_name
        self.bucket_regional_domain_name = uploads.regional_domain_name
        self.kms_key_arn = pulumi.Output.from_input("" if bucket.kms_key_arn is None else bucket.kms_key_arn)
        self.completion_rule_arn = self.completion_dead_letter_queue_url = pulumi.Output.from_input("")
        if completed:
            assert key_arn is not None, "with a completion function there is a key"
            self._complete(name, key_arn)
        self.register()

    def read_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to read the uploads that are clean."""
        return read_statements(self._bucket, self._prefixes)

    def _complete(self, name: str, key_arn: pulumi.Output[str]) -> None:
        checked, tags, topics = self._checked, self._checked["tags"], self._checked["alarm_topic_arns"]
        clean = clean_uploads(self, checked, self._bucket, self._prefixes, key_arn)
        read = [iam_statement({"conditions": {}, **one}) for one in self.read_statements()]
        function = user_function(
            self,
            f"{name}-completion",
            checked.get("completion_function"),
            checked.get("existing_completion_function"),
            description=f"Processes the clean uploads of {name}",
            statements=[*send_statements(clean.dead_letter_queue_arn, key_arn), *read],
            environment={"BUCKET": self._bucket.name},
            kms_key_arn=key_arn,
            alarm_topic_arns=topics,
            tags=tags,
        )
        invoke_when_clean(self, clean, function.arn, function.function)
        self.completion_rule_arn, self.completion_dead_letter_queue_url = clean.rule.arn, clean.dead_letter_queue_url

    def _function(self, name: str) -> aws.lambda_.Function:
        checked, bucket = self._checked, self._bucket
        objects = [pulumi.Output.concat(bucket.arn, "/", prefix, "*") for prefix in self._prefixes]
        # A form is signed with these rights: by any other kind of request they write nothing.
        put = Statement(sid="Put", actions=["s3:PutObject"], resources=objects, conditions={"StringEquals": {"s3:authType": "POST"}})
        look = Statement(sid="Look", actions=["s3:GetObjectTagging"], resources=objects)
        key = [] if bucket.kms_key_arn is None else [object_key_statement(bucket.kms_key_arn, "kms:Decrypt", "kms:GenerateDataKey")]
        function = pattern_function(
            self,
            f"{name}-forms",
            _CODE,
            description=f"Issues forms for uploads to {name}, and says what became of them",
            role_description=f"What the forms of {name} may upload",
            statements=[put, look, *key],
            memory_mib=checked["memory_mib"],
            # Less than any API waits.
            timeout_seconds=10,
            log_retention_days=checked["log_retention_days"],
            environment={
                "BUCKET": bucket.name,
                "FORMS": pulumi.Output.json_dumps(form_settings(checked["forms"])),
                "ORIGINS": pulumi.Output.json_dumps(checked["allowed_origins"]),
                "IDENTITY_CLAIM": checked["identity_claim"],
                "ANONYMOUS": "true" if checked["anonymous"] else "false",
            },
            tags=checked["tags"],
        ).function
        if topics := checked["alarm_topic_arns"]:
            errors_alarm(self, f"{name}-forms", function, topics, checked["tags"])
        return function


def _child_names(checked: DirectObjectUploadArgs) -> dict[str, int]:
    completion = {} if checked.get("completion_function") is None else {"completion-role": 64}
    return {"forms-role": 64, "scan-refused": 64, "files-logs-bucket": 63, **completion}
