"""Objects that viewers get by signed URLs and cookies alone, for a time.

Pattern: "Private Data Delivery" (Cloud Design Patterns for AWS).
"""

from pathlib import Path

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import errors_alarm, pattern_function
from cloudpatterns.core import (
    Component,
    Later,
    Statement,
    WorkloadStatementArgs,
    after,
    as_arguments,
    document,
    later,
    pick,
)
from cloudpatterns.delivery._buckets import reader_key, reader_replication, reader_statements
from cloudpatterns.delivery._viewers import viewer_args
from cloudpatterns.delivery.content_delivery_network.arguments import CdnBehaviorOptions, CdnErrorPage, CdnOrigin, CdnPathBehavior
from cloudpatterns.delivery.content_delivery_network.component import ContentDeliveryNetwork
from cloudpatterns.delivery.private_data_delivery.arguments import (
    MOST_PRESIGNED_SECONDS,
    PrivateDataDeliveryArgs,
    SigningKey,
    problems,
    signing_key_name,
)
from cloudpatterns.storage import BucketStatement, DurableBucket, DurableBucketArgs, Replication

_CODE = Path(__file__).parent / "on_aws"


class PrivateDataDelivery(Component):
    """Objects of a private bucket, for whoever has a signed URL or cookies that have not expired (Cloud Design Patterns for AWS, "Private
    Data Delivery").

    The application decides who gets an object, and invokes a function, which signs: ``{"key": "reports/7.pdf", "seconds": 600}`` for a URL,
    ``{"prefix": "courses/7/"}`` for the cookies of all objects below it. CloudFront refuses every request without a signature, but for
    ``open_paths``. The private key is in a secret that exists; it is in no state. With ``presigned`` the URLs are S3's own, without a CDN.

    Keys are rotated by three updates: add the new pair to ``signing_keys``; when the distribution is deployed, set ``sign_with`` to it;
    after ``max_expiry_seconds``, remove the old pair.

    **Use when**: invoices, courses or downloads are for some users, and for a time.

    **Not when**: everybody may read (``DirectStorageHosting``); each request is to be judged by the application itself.

    **Cost drivers**: data to viewers and requests, the web ACL, invocations, one key; with ``presigned`` data from S3 to the internet.

    **Trade-offs**: whoever has a URL has the object until it expires: keep that short, or name ``ip_range``. What is signed cannot be
    called back but by removing its key, with all else that it signed.

    **Proven by**: controls ``s3-bucket-public-access-blocked``, ``cloudfront-origin-access-control``, ``cloudfront-https``,
    ``cloudfront-signed-paths``; ``test_private_data_delivery.py`` and ``test_private_data_delivery_signed.py``, which runs the functions.
    """

    function_arn: pulumi.Output[str]
    """ARN of the function that signs."""
    function_name: pulumi.Output[str]
    """Name of the function that signs."""
    bucket_name: pulumi.Output[str]
    """Name of the bucket, available after its policy."""
    bucket_arn: pulumi.Output[str]
    """ARN of the bucket."""
    kms_key_arn: pulumi.Output[str]
    """The key that encrypts the objects. Empty for an existing bucket without one."""
    key_group_id: pulumi.Output[str]
    """Id of the key group, which behaviors of other distributions may take too; the function signs for ``url`` alone. Empty with
    ``presigned``."""
    key_pair_id: pulumi.Output[str]
    """Id of the public key whose private one signs. Empty with ``presigned``."""
    distribution_id: pulumi.Output[str]
    """Id of the distribution. Empty with ``presigned``."""
    distribution_arn: pulumi.Output[str]
    """ARN of the distribution. Empty with ``presigned``."""
    dns_name: pulumi.Output[str]
    """CloudFront's own name of the distribution. Empty with ``presigned``."""
    zone_id: pulumi.Output[str]
    """Hosted zone of ``dns_name``, for alias records. Empty with ``presigned``."""
    url: pulumi.Output[str]
    """Address before the keys of objects. Empty with ``presigned``."""
    web_acl_arn: pulumi.Output[str]
    """ARN of the web ACL, which other distributions can have in front too. Empty with ``presigned``."""
    certificate_arn: pulumi.Output[str]
    """ARN of the certificate. Empty with ``default_certificate`` and with ``presigned``."""
    cdn_log_bucket_arn: pulumi.Output[str]
    """ARN of the bucket with the access logs of the distribution. Empty with ``presigned``."""

    def __init__(self, name: str, args: PrivateDataDeliveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=_child_names)
        function = self._presigned(name) if checked["presigned"] else self._signed(name)
        self.function_arn, self.function_name = function.arn, function.name
        if topics := checked["function_alarm_topic_arns"]:
            errors_alarm(self, f"{name}-sign", function, topics, checked["tags"])
        for key, role in checked["caller_role_names"].items():
            aws.iam.RolePolicy(f"{name}-caller-{key}", role=role, policy=document(self._calls()), opts=self.child())
        self.register()

    def caller_statements(self) -> list[WorkloadStatementArgs]:
        """What a role of the application needs to have URLs and cookies signed."""
        return as_arguments([self._calls()])

    def publisher_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to write and delete objects."""
        objects = pulumi.Output.concat(self.bucket_arn, "/*")
        statements = [Statement(sid="WriteObjects", actions=["s3:DeleteObject", "s3:PutObject"], resources=[objects])]
        existing = self._checked.get("existing_bucket")
        if existing is None or existing.get("kms_key_arn") is not None:
            actions = ["kms:Decrypt", "kms:GenerateDataKey"]
            statements.append(Statement(sid="WriteObjectsKey", actions=actions, resources=[self.kms_key_arn]))
        return as_arguments(statements)

    def bucket_statements(self) -> list[BucketStatement]:
        """What the policy of an existing bucket needs, as a ``DurableBucket`` takes it. A new bucket has it."""
        return self._old_signatures() if self._checked["presigned"] else reader_statements(self.distribution_arn)

    def _calls(self) -> Statement:
        return Statement(sid="Sign", actions=["lambda:InvokeFunction"], resources=[self.function_arn])

    def _bucket(
        self,
        name: str,
        statements: list[BucketStatement],
        kms_key_arn: pulumi.Input[str] | None,
        replication: Replication | None = None,
    ) -> list[pulumi.Output[str]]:
        """The host names of the bucket and, where there is one, of its copy."""
        existing = self._checked.get("existing_bucket")
        if existing is not None:
            self.bucket_arn = pulumi.Output.from_input(existing["arn"])
            self.bucket_name = self.bucket_arn.apply(lambda arn: arn.split(":")[-1])
            given, domain = existing.get("kms_key_arn"), existing.get("regional_domain_name")
            self.kms_key_arn = pulumi.Output.from_input("" if given is None else given)
            return [pulumi.Output.from_input("" if domain is None else domain)]
        args: DurableBucketArgs = {
            "kind": "data",
            "statements": statements,
            **pick(self._checked, "noncurrent_retention_days", "log_bucket_name", "force_destroy", "tags"),
        }
        if kms_key_arn is not None:
            args["kms_key_arn"] = kms_key_arn
        if replication is not None:
            args["replication"] = replication
        bucket = DurableBucket(f"{name}-files", args, self.child())
        self.bucket_name, self.bucket_arn, self.kms_key_arn = bucket.bucket_name, bucket.bucket_arn, bucket.kms_key_arn
        copy = [] if replication is None else [bucket.replica_bucket_regional_domain_name]
        return [bucket.bucket_regional_domain_name, *copy]

    def _signed(self, name: str) -> aws.lambda_.Function:
        """CloudFront, which verifies signatures, and the function that has the private key."""
        checked = self._checked
        keys = {key: self._public_key(f"{name}-key-{key}", pair) for key, pair in checked["signing_keys"].items()}
        group = aws.cloudfront.KeyGroup(
            f"{name}-keys", comment=f"Keys that sign for {name}", items=[key.id for key in keys.values()], opts=self.child()
        )
        with later() as distribution_arn:
            cdn = self._distribution(name, self._private_bucket(name, distribution_arn), group.id)
            distribution_arn.come_from(cdn.distribution_arn)
        signer = signing_key_name(checked)
        pair = checked["signing_keys"][signer]
        secret_arn, secret_key_arn = pair.get("private_key_secret_arn"), pair.get("private_key_kms_key_arn")
        assert secret_arn is not None  # the rules of the arguments hold it
        # CloudFront has the key before anything is signed with it.
        self.key_group_id, self.key_pair_id = group.id, after(keys[signer].id, group)
        self.distribution_id, self.distribution_arn = cdn.distribution_id, cdn.distribution_arn
        self.dns_name, self.zone_id, self.url = cdn.dns_name, cdn.zone_id, cdn.url
        self.web_acl_arn, self.certificate_arn, self.cdn_log_bucket_arn = cdn.web_acl_arn, cdn.certificate_arn, cdn.log_bucket_arn
        decrypt = [] if secret_key_arn is None else [Statement(sid="DecryptKey", actions=["kms:Decrypt"], resources=[secret_key_arn])]
        cookie_domain = checked.get("cookie_domain")
        return self._function(
            name,
            "index.mjs",
            [Statement(sid="ReadKey", actions=["secretsmanager:GetSecretValue"], resources=[secret_arn]), *decrypt],
            {
                "URL": self.url,
                "KEY_PAIR_ID": self.key_pair_id,
                "PUBLIC_KEY": keys[signer].encoded_key,
                "SECRET_ARN": secret_arn,
                "COOKIE_DOMAIN": "" if cookie_domain is None else cookie_domain,
            },
        )

    def _public_key(self, child_name: str, pair: SigningKey) -> aws.cloudfront.PublicKey:
        # CloudFront returns it with a line break at its end: without one it would be replaced by every update. A name of ours would hold
        # up a replacement.
        encoded = pulumi.Output.from_input(pair["public_key"]).apply(lambda pem: "\n".join(pem.strip().splitlines()) + "\n")
        return aws.cloudfront.PublicKey(
            child_name, comment=f"Verifies what {child_name} signed"[:128], encoded_key=encoded, opts=self.child()
        )

    def _private_bucket(self, name: str, distribution_arn: Later[str]) -> list[pulumi.Output[str]]:
        checked, key_arn, replication = self._checked, None, self._checked.get("replication")
        if checked.get("existing_bucket") is None:
            description, given = f"Private objects of {name}", checked.get("kms_key_arn")
            key_arn = reader_key(self, f"{name}-key", description, distribution_arn, given, checked["tags"])
        if replication is not None:
            replication = reader_replication(self, f"Copy of private objects of {name}", distribution_arn, replication, checked["tags"])
        return self._bucket(name, reader_statements(distribution_arn), key_arn, replication)

    def _distribution(self, name: str, domains: list[pulumi.Output[str]], key_group_id: pulumi.Output[str]) -> ContentDeliveryNetwork:
        checked, denied = self._checked, self._checked.get("denied_page")
        origins: dict[str, CdnOrigin] = {
            origin: {"bucket": {"regional_domain_name": domain}} for origin, domain in zip(("files", "copy"), domains, strict=False)
        }
        reads: CdnBehaviorOptions = {"origin": "files"}
        if len(domains) > 1:
            reads["failover_origin"] = "copy"
        open_paths = [*([] if denied is None else [f"/{denied}"]), *checked["open_paths"]]
        behaviors: list[CdnPathBehavior] = [{**reads, "path_pattern": path} for path in dict.fromkeys(open_paths)]
        pages: list[CdnErrorPage] = [] if denied is None else [{"code": 403, "page_path": f"/{denied}"}]
        return ContentDeliveryNetwork(
            f"{name}-cdn",
            {
                **viewer_args(checked),
                "origins": origins,
                "default_behavior": {**reads, "key_group_ids": [key_group_id]},
                "behaviors": behaviors,
                "error_pages": pages,
            },
            self.child(),
        )

    def _presigned(self, name: str) -> aws.lambda_.Function:
        """A function that signs for S3, by sessions of a role that may read the bucket."""
        checked, nothing = self._checked, pulumi.Output.from_input("")
        self.key_group_id = self.key_pair_id = self.distribution_id = self.distribution_arn = nothing
        self.dns_name = self.zone_id = self.url = self.web_acl_arn = self.certificate_arn = self.cdn_log_bucket_arn = nothing
        self._bucket(name, self._old_signatures(), checked.get("kms_key_arn"))
        with later() as signer_arn:
            reader = aws.iam.Role(
                f"{name}-reader",
                description=f"Signs presigned URLs of {name}",
                assume_role_policy=document(Statement(actions=["sts:AssumeRole"], principals={"AWS": [signer_arn]})),
                max_session_duration=MOST_PRESIGNED_SECONDS,
                tags=checked["tags"],
                opts=self.child(),
            )
            reads = aws.iam.RolePolicy(f"{name}-reader-policy", role=reader.id, policy=document(*self._reads()), opts=self.child())
            function = self._function(
                name,
                "index.py",
                [Statement(sid="ActAsReader", actions=["sts:AssumeRole"], resources=[reader.arn])],
                {"BUCKET": self.bucket_name, "READER_ROLE_ARN": after(reader.arn, reads)},
                signer_arn,
            )
        return function

    def _reads(self) -> list[Statement]:
        objects = pulumi.Output.concat(self.bucket_arn, "/*")
        statements = [Statement(sid="ReadObjects", actions=["s3:GetObject"], resources=[objects])]
        existing = self._checked.get("existing_bucket")
        if existing is None or existing.get("kms_key_arn") is not None:
            statements.append(Statement(sid="DecryptObjects", actions=["kms:Decrypt"], resources=[self.kms_key_arn]))
        return statements

    def _old_signatures(self) -> list[BucketStatement]:
        """Refuses presigned URLs, whoever signed them, after the longest expiry."""
        return [
            {
                "sid": "OldSignatures",
                "effect": "Deny",
                "actions": ["s3:GetObject"],
                "principals": {"AWS": ["*"]},
                "paths": ["*"],
                "conditions": {
                    "StringEquals": {"s3:authType": ["REST-QUERY-STRING"]},
                    "NumericGreaterThan": {"s3:signatureAge": [str(self._checked["max_expiry_seconds"] * 1000)]},
                },
            }
        ]

    def _function(
        self,
        name: str,
        file: str,
        statements: list[Statement],
        environment: dict[str, pulumi.Input[str]],
        role_arn: Later[str] | None = None,
    ) -> aws.lambda_.Function:
        checked = self._checked
        created = pattern_function(
            self,
            f"{name}-sign",
            _CODE,
            file=file,
            description=f"Signs for objects of {name}",
            role_description=f"What signs for objects of {name}",
            statements=statements,
            memory_mib=checked["memory_mib"],
            timeout_seconds=10,
            log_retention_days=checked["function_log_retention_days"],
            environment={
                "DEFAULT_SECONDS": str(checked["default_expiry_seconds"]),
                "MAX_SECONDS": str(checked["max_expiry_seconds"]),
                **environment,
            },
            tags=checked["tags"],
        )
        if role_arn is not None:
            role_arn.come_from(created.role.arn)
        return created.function


def _child_names(checked: PrivateDataDeliveryArgs) -> dict[str, int]:
    replication = checked.get("replication")
    own_logs = (replication or checked).get("log_bucket_name") is None
    files = f"files-{'replica-' if replication else ''}{'logs-' if own_logs else ''}bucket"
    names = {"sign-role": 64} if checked.get("existing_bucket") is not None else {"sign-role": 64, files: 63}
    if checked["presigned"]:
        return {**names, "reader": 64}
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDeliverySource.html
    return {**names, "cdn-logs-source": 60, "cdn-files-access": 64, "cdn-log-bucket": 63}
