"""What jobs, senders and readers may do with the buckets of a ``DistributedProcessing``."""

from typing import NamedTuple

import pulumi

from cloudpatterns.core import Statement


class Store(NamedTuple):
    """A bucket, the prefix in it, and its customer managed key, if there is one."""

    bucket_arn: pulumi.Output[str]
    bucket_name: pulumi.Output[str]
    prefix: str
    kms_key_arn: pulumi.Input[str] | None

    @property
    def objects(self) -> pulumi.Output[str]:
        """The ARN of the objects under the prefix."""
        return pulumi.Output.concat(self.bucket_arn, "/", self.prefix, "*")


def read_statements(store: Store, what: str) -> list[Statement]:
    """Reads objects, and lists them; ``what`` begins the ids of the statements."""
    prefixes = {"StringLike": {"s3:prefix": [f"{store.prefix}*"]}} if store.prefix else {}
    return [
        Statement(sid=f"{what}Objects", actions=["s3:GetObject", "s3:GetObjectVersion"], resources=[store.objects]),
        Statement(sid=f"{what}List", actions=["s3:ListBucket"], resources=[store.bucket_arn], conditions=prefixes),
        *_key(store, f"{what}Key", "kms:Decrypt"),
    ]


def write_statements(store: Store, what: str, *, deletes: bool = False) -> list[Statement]:
    """Adds objects, in parts as well, and ``deletes`` some. Every part but the first of an encrypted upload decrypts the data key."""
    actions = ["s3:AbortMultipartUpload", *(["s3:DeleteObject"] if deletes else []), "s3:PutObject"]
    return [
        Statement(sid=f"{what}Objects", actions=actions, resources=[store.objects]),
        *_key(store, f"{what}Key", "kms:Decrypt", "kms:GenerateDataKey"),
    ]


def _key(store: Store, sid: str, *actions: str) -> list[Statement]:
    return [] if store.kms_key_arn is None else [Statement(sid=sid, actions=actions, resources=[store.kms_key_arn])]
