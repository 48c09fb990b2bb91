"""Files that arrive in S3 by SFTP or FTPS, and are released once they are clean.

Pattern: "Write Proxy" (Cloud Design Patterns for AWS).
"""

from pathlib import Path

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import allow_invocation, errors_alarm, log_group, pattern_function, send_statements
from cloudpatterns.blocks.malware_scan import ScannedBucket, object_key_statement
from cloudpatterns.blocks.security_group import cidr_peer, security_group
from cloudpatterns.core import Component, Statement, WorkloadStatementArgs, account_of, after, by_name, pick
from cloudpatterns.storage import DurableBucket, DurableBucketArgs
from cloudpatterns.uploads._completion import CleanUploads, clean_uploads, invoke_when_clean, upload_key
from cloudpatterns.uploads._scanned_bucket import read_statements, upload_bucket
from cloudpatterns.uploads.write_proxy.arguments import WriteProxyArgs, problems
from cloudpatterns.uploads.write_proxy.users import TRANSFER, folder_user, identity_function, server_users

_CODE = Path(__file__).parent / "on_aws" / "release"
_SFTP_PORT, _FTPS_PORT = 22, 21
# https://docs.aws.amazon.com/transfer/latest/userguide/create-server-ftps.html
_FTPS_DATA_PORTS = (8192, 8200)


class WriteProxy(Component):
    """A file transfer server whose files land in S3 and are released once they are clean (Cloud Design Patterns for AWS, "Write Proxy").

    Each user has a folder of the bucket, which it sees as its root, and a role and a session policy that both end there. GuardDuty scans
    what arrives; nobody reads a file before it is clean, the sender included. Then a function copies it to another bucket, below the
    user's name, where readers wait for it: the events of that bucket are in EventBridge. A file that was replaced or deleted before is not
    released, and an event that comes again changes nothing.

    SFTP alone uses the server's own users, with keys. With FTPS a function checks passwords, from Secrets Manager, and hands out the keys
    of those who use SFTP.

    **Use when**: partners or machines send files by SFTP or FTPS, and applications read them from S3.

    **Not when**: senders are browsers (``DirectObjectUpload``), or have roles of AWS and can write to S3 themselves.

    **Cost drivers**: the server by the hour and protocol, transferred and scanned bytes, Elastic IPs, files twice until ``retention_days``.

    **Trade-offs**: clients send to the final name, and do not resume: to rename is to copy, with the tag of the scan, which nobody else may
    write, and to resume reads a file that is not clean yet. Some use temporary names unless they are set not to. A file that cannot be
    scanned is never released. Where a connection breaks off, the part that has arrived is a file as any other: senders repeat
    it, and say how long a file is or that it is whole. Another ``vpc_id``, or FTPS after SFTP alone, replaces the server and its host key,
    and one that is ``internet_facing`` is away for some minutes, since the new one gets its addresses.

    **Proven by**: controls ``transfer-server-private``, ``transfer-server-ciphers``, ``transfer-server-protocols``,
    ``malware-scan-before-read``; ``test_write_proxy.py``, ``test_write_proxy_release.py``, ``test_write_proxy_identity.py``.
    """

    server_id: pulumi.Output[str]
    """Id of the server, available after its users."""
    server_arn: pulumi.Output[str]
    """ARN of the server."""
    endpoint: pulumi.Output[str]
    """Host name of an internet-facing server, for clients or a CNAME record."""
    vpc_endpoint_id: pulumi.Output[str]
    """The server's interface endpoint, whose names clients inside the VPC and its networks use. Empty where AWS reports none."""
    host_key_fingerprint: pulumi.Output[str]
    """Fingerprint of the server's host key, for clients to compare."""
    elastic_ips_by_zone: pulumi.Output[dict[str, str]]
    """Addresses of an internet-facing server, one for each zone, for the firewalls of clients: AWS may have two of them the other way
    round. Empty otherwise."""
    security_group_id: pulumi.Output[str]
    """The new security group. Empty with ``security_group_ids``."""
    bucket_name: pulumi.Output[str]
    """Name of the bucket in which files arrive."""
    bucket_arn: pulumi.Output[str]
    """ARN of the bucket in which files arrive."""
    bucket_policy: pulumi.Output[str]
    """The statements, as a policy in JSON, that refuse files that are not clean: the new bucket has them, an existing one needs them."""
    release_bucket_name: pulumi.Output[str]
    """Name of the bucket with released files."""
    release_bucket_arn: pulumi.Output[str]
    """ARN of the bucket with released files."""
    kms_key_arn: pulumi.Output[str]
    """Key of new buckets, the server's log and the queue."""
    log_group_name: pulumi.Output[str]
    """Log group of the server: logins and transfers, in JSON."""
    dead_letter_queue_url: pulumi.Output[str]
    """URL of the queue with clean files that could not be released."""

    def __init__(self, name: str, args: WriteProxyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names=_child_names)
        self.kms_key_arn = key_arn = upload_key(self, checked)
        uploads = upload_bucket(self, checked, [checked["prefix"]], kms_key_arn=key_arn)
        self.bucket_name, self.bucket_arn = pulumi.Output.from_input(uploads.bucket.name), uploads.bucket.arn
        self.bucket_policy = uploads.policy
        self._released = released = self._release_bucket(name, None if checked.get("existing_bucket") else uploads.log_bucket_name)
        self.release_bucket_name, self.release_bucket_arn = pulumi.Output.from_input(released.name), released.arn
        clean = clean_uploads(self, checked, uploads.bucket, [checked["prefix"]], key_arn)
        self.dead_letter_queue_url = clean.dead_letter_queue_url
        self._release(name, uploads.bucket, clean)
        group = log_group(self, f"{name}-logs", checked["log_retention_days"], kms_key_arn=key_arn, tags=checked["tags"])
        self.log_group_name = group.name
        self._serve(name, uploads.bucket, group)
        self.register()

    def read_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to read released files."""
        return read_statements(self._released, [""])

    def _release_bucket(self, name: str, log_bucket_name: pulumi.Output[str] | None) -> ScannedBucket:
        checked, existing = self._checked, self._checked.get("existing_release_bucket")
        if existing is not None:
            arn = pulumi.Output.from_input(existing["arn"])
            return ScannedBucket(arn.apply(lambda text: text.split(":")[-1]), arn, existing.get("kms_key_arn"))
        args: DurableBucketArgs = {"kind": "data", "kms_key_arn": self.kms_key_arn, **pick(checked, "force_destroy", "tags")}
        if (days := checked.get("release_retention_days")) is not None:
            args["retention_days"] = days
        if log_bucket_name is not None:
            args["log_bucket_name"] = log_bucket_name
        bucket = DurableBucket(f"{name}-released", args, self.child())
        aws.s3.BucketNotification(f"{name}-released-events", bucket=bucket.bucket_name, eventbridge=True, opts=self.child())
        return ScannedBucket(bucket.bucket_name, bucket.bucket_arn, bucket.kms_key_arn)

    def _release(self, name: str, bucket: ScannedBucket, clean: CleanUploads) -> None:
        """The function that copies clean files; what it fails at goes to the queue."""
        checked, released = self._checked, self._released
        uploads = [pulumi.Output.concat(bucket.arn, "/", checked["prefix"], "*")]
        files = [pulumi.Output.concat(released.arn, "/*")]
        keys = [bucket.kms_key_arn, released.kms_key_arn]
        statements = [
            Statement(sid="Look", actions=["s3:GetObjectTagging"], resources=uploads),
            Statement(sid="Fetch", actions=["s3:GetObject", "s3:GetObjectVersion"], resources=uploads),
            # Without it, S3 says of a file that is gone that it is forbidden.
            Statement(sid="List", actions=["s3:ListBucket"], resources=[bucket.arn]),
            Statement(sid="Released", actions=["s3:ListBucket", "s3:ListBucketVersions"], resources=[released.arn]),
            Statement(
                sid="Release",
                actions=["s3:AbortMultipartUpload", "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"],
                resources=files,
            ),
            *[object_key_statement(key, "kms:Decrypt", "kms:GenerateDataKey") for key in keys if key is not None],
            *send_statements(clean.dead_letter_queue_arn, self.kms_key_arn),
        ]
        function = pattern_function(
            self,
            f"{name}-release",
            _CODE,
            description=f"Releases the clean files of {name}",
            role_description=f"What the release of {name} copies",
            statements=statements,
            memory_mib=512,
            # A copy of many GB takes minutes.
            timeout_seconds=900,
            log_retention_days=checked["log_retention_days"],
            environment={"BUCKET": bucket.name, "PREFIX": checked["prefix"], "RELEASE_BUCKET": released.name},
            tags=checked["tags"],
        ).function
        if topics := checked["alarm_topic_arns"]:
            errors_alarm(self, f"{name}-release", function, topics, checked["tags"])
        invoke_when_clean(self, clean, function.arn, function)

    def _serve(self, name: str, bucket: ScannedBucket, group: aws.cloudwatch.LogGroup) -> None:
        checked, tags = self._checked, self._checked["tags"]
        # Not that of the key, which may be given, and another account's.
        account = account_of(group.arn)
        folders = {
            user: folder_user(self, f"{name}-user-{user}", bucket, f"{checked['prefix']}{user}/", options, account, tags)
            for user, options in checked["users"].items()
        }
        identity = None
        if "FTPS" in checked["protocols"]:
            # Not the bucket's name first, which may begin with "aws": Systems Manager refuses such a parameter.
            prefix = pulumi.Output.concat("/write-proxy/", bucket.name, "/", name)
            identity = identity_function(self, folders, checked, prefix, self.kms_key_arn).function
            if topics := checked["alarm_topic_arns"]:
                errors_alarm(self, f"{name}-identity", identity, topics, checked["tags"])
        addresses = {
            zone: aws.ec2.Eip(f"{name}-address-{zone}", domain="vpc", tags={"Name": f"{name}-{zone}", **tags}, opts=self.child())
            for zone in (checked["subnet_ids_by_zone"] if checked["internet_facing"] else ())
        }
        server = self._server(name, group, identity, addresses)
        if identity is None:
            waits = server_users(self, server, folders, checked)
        else:
            waits = [allow_invocation(self, f"{name}-identity-permission", identity.name, TRANSFER, server.arn)]
        self.server_id, self.server_arn, self.endpoint = after(server.id, *waits), server.arn, after(server.endpoint, *waits)
        self.vpc_endpoint_id = server.endpoint_details.apply(lambda details: (details.vpc_endpoint_id if details else None) or "")
        self.host_key_fingerprint = server.host_key_fingerprint
        self.elastic_ips_by_zone = by_name({zone: address.public_ip for zone, address in addresses.items()})

    def _server(
        self,
        name: str,
        group: aws.cloudwatch.LogGroup,
        identity: aws.lambda_.Function | None,
        addresses: dict[str, aws.ec2.Eip],
    ) -> aws.transfer.Server:
        checked, protocols = self._checked, self._checked["protocols"]
        details: aws.transfer.ServerProtocolDetailsArgsDict = {"set_stat_option": "ENABLE_NO_OP"}
        if "FTPS" in protocols:
            details["tls_session_resumption_mode"] = "ENFORCED"
            # Clients go on with the address that they have, in any zone, and not with a private one.
            details["passive_ip"] = "0.0.0.0" if addresses else "AUTO"
        return aws.transfer.Server(
            f"{name}-server",
            domain="S3",
            protocols=protocols,
            protocol_details=details,
            certificate=checked.get("certificate_arn"),
            identity_provider_type="SERVICE_MANAGED" if identity is None else "AWS_LAMBDA",
            function=None if identity is None else identity.arn,
            sftp_authentication_methods="PUBLIC_KEY_OR_PASSWORD" if identity is not None and "SFTP" in protocols else None,
            endpoint_type="VPC",
            endpoint_details={
                "vpc_id": checked["vpc_id"],
                "subnet_ids": [*checked["subnet_ids_by_zone"].values()],
                "security_group_ids": self._groups(name),
                **({"address_allocation_ids": [address.allocation_id for address in addresses.values()]} if addresses else {}),
            },
            security_policy_name=checked["security_policy"],
            pre_authentication_login_banner=checked.get("login_banner"),
            structured_log_destinations=[pulumi.Output.concat(group.arn, ":*")],
            # Users that somebody has added by hand would keep the server from being deleted.
            force_destroy=True,
            tags=checked["tags"],
            # The server's addresses are taken as long as it is there.
            opts=self.child(delete_before_replace=bool(addresses)),
        )

    def _groups(self, name: str) -> list[pulumi.Input[str]]:
        """Without any, the endpoint would have the VPC's default security group."""
        checked = self._checked
        given = checked.get("security_group_ids")
        if given is not None:
            self.security_group_id = pulumi.Output.from_input("")
            return [*given]
        group = security_group(self, f"{name}-clients", checked["vpc_id"], "Clients of the file transfer server", checked["tags"])
        self.security_group_id = group.id
        ports = {"SFTP": {"sftp": (_SFTP_PORT, _SFTP_PORT)}, "FTPS": {"ftps": (_FTPS_PORT, _FTPS_PORT), "ftps-data": _FTPS_DATA_PORTS}}
        for cidr in checked["allowed_cidrs"]:
            for protocol in checked["protocols"]:
                for kind, (first, last) in ports[protocol].items():
                    aws.vpc.SecurityGroupIngressRule(
                        f"{name}-clients-{kind}-{cidr}",
                        security_group_id=group.id,
                        description=f"{protocol} from {cidr}",
                        ip_protocol="tcp",
                        from_port=first,
                        to_port=last,
                        tags=checked["tags"],
                        opts=self.child(),
                        **cidr_peer(cidr),
                    )
        return [group.id]


def _child_names(checked: WriteProxyArgs) -> dict[str, int]:
    users = {f"user-{user}-role": 64 for user in checked["users"]}
    return {"release-role": 64, "identity-role": 64, "scan-refused": 64, "files-logs-bucket": 63, "released-bucket": 63, **users}
