"""The artifact bucket of a stack: one object for each artifact, under the SHA-256 of its content."""

import base64
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from publish.problem import PublishError

SUFFIX = ".tar.gz"


@dataclass(frozen=True)
class Artifact:
    """An artifact in the bucket."""

    version: str
    uploaded: datetime
    size: int

    def __str__(self) -> str:
        return f"{self.version}  {self.uploaded:%Y-%m-%d %H:%M} UTC  {self.size:,} bytes"


class Bucket:
    """The bucket, by its name, with the credentials that boto3 finds."""

    def __init__(self, name: str, region: str | None) -> None:
        self.name = name
        with self._asked("find credentials and settings of AWS"):
            self._s3: Any = boto3.Session().client("s3", region_name=region)

    @property
    def region(self) -> str:
        """The region that is asked."""
        return self._s3.meta.region_name

    def place(self, version: str) -> str:
        """Where a version is, as the AWS CLI has it."""
        return f"s3://{self.name}/{version}{SUFFIX}"

    def upload(self, archive: Path, version: str) -> bool:
        """Uploads an artifact; whether it was new. An existing object is left as it is. Raises ``PublishError``.

        S3 calculates the SHA-256 of what arrives, and refuses it if that is not the version. The bucket's own key encrypts it.
        """
        try:
            with archive.open("rb") as body, self._asked("upload the artifact"):
                self._s3.put_object(
                    Bucket=self.name,
                    Key=f"{version}{SUFFIX}",
                    Body=body,
                    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
                    IfNoneMatch="*",
                    ChecksumAlgorithm="SHA256",
                    ChecksumSHA256=_checksum(version),
                    ContentType="application/gzip",
                )
        except _ExistsError:
            self._compare(version)
            return False
        return True

    def _compare(self, version: str) -> None:
        with self._asked("read the checksum of the existing artifact"):
            existing = self._s3.head_object(Bucket=self.name, Key=f"{version}{SUFFIX}", ChecksumMode="ENABLED")
        if existing.get("ChecksumSHA256") != _checksum(version):
            raise PublishError(
                "ARTIFACT",
                given=self.place(version),
                problem="is in the bucket already, and S3 has another SHA-256 of it or none: it was not uploaded by this command",
                allowed="an object whose SHA-256 is its name",
                fix=f"aws s3 rm {self.place(version)}\nthen publish again; the bucket keeps the old object as a noncurrent version",
            )

    def artifacts(self) -> list[Artifact]:
        """All artifacts, the newest first. Raises ``PublishError``."""
        with self._asked("list the artifacts"):
            pages = list(self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name))
        found = [
            Artifact(entry["Key"].removesuffix(SUFFIX), entry["LastModified"], entry["Size"])
            for page in pages
            for entry in page.get("Contents", [])
            if entry["Key"].endswith(SUFFIX)
        ]
        return sorted(found, key=lambda artifact: (artifact.uploaded, artifact.version), reverse=True)

    @contextmanager
    def _asked(self, what: str) -> Generator[None]:
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") == "PreconditionFailed":
                raise _ExistsError from None
            raise PublishError(
                "artifact bucket",
                given=self.name,
                problem=f"cannot {what}: {error}",
                allowed="credentials of the stack's account, which may read and write this bucket and use its key",
                fix="aws sts get-caller-identity\nshows whose credentials these are. Then run the command again; the setting is unchanged",
            ) from None


class _ExistsError(Exception):
    """There is an object of this name."""


def _checksum(version: str) -> str:
    return base64.b64encode(bytes.fromhex(version)).decode()
