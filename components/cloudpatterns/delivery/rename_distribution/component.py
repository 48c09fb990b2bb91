"""Assets under names that their content gives them, so that no cache shows an old one.

Pattern: "Rename Distribution" (Cloud Design Patterns for AWS).
"""

import json
from pathlib import Path

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import pattern_function
from cloudpatterns.blocks.alarm import messages_alarm
from cloudpatterns.blocks.event import admit_events, undelivered_queue
from cloudpatterns.blocks.function import invoke_on_event
from cloudpatterns.core import ByName, Component, Statement, after, by_name
from cloudpatterns.delivery.rename_distribution.arguments import MANIFEST, RenameDistributionArgs, problems
from cloudpatterns.delivery.rename_distribution.assets import Asset, content_type, read_assets

_CODE = Path(__file__).parent / "on_aws"
_YEAR_SECONDS = 31_536_000


class RenameDistribution(Component):
    """Files of a folder in a bucket behind a CDN, under names with a hash of their content (Cloud Design Patterns for AWS, "Rename
    Distribution").

    Caches keep ``app.0123456789abcdef.js`` for a year, since a changed file gets another name. The manifest, ``manifest.json``, maps the
    files to their paths, is kept for a minute, and is written after all assets. What it no longer names stays for ``retention_days``, for
    pages that are still open; then a function removes it.

    **Use when**: scripts, styles and images change by releases, and viewers must see a new one within a minute without an invalidation.

    **Not when**: files name each other (a style its fonts): let the bundler rename them, and publish by ``HighAvailabilityStorage``; or
    there are more than a thousand files.

    **Cost drivers**: stored bytes of current and superseded assets, a request per changed file, two requests per asset and day.

    **Trade-offs**: pages must get the names from the manifest or from ``asset_path``. Destroy leaves the assets, and so the bucket, unless
    that has ``force_destroy``.

    **Proven by**: ``test_rename_distribution.py``, which runs the function against an emulator.
    """

    asset_paths: ByName[str]
    """Paths at the CDN, with a slash before them, by the paths of the files, available after the upload."""
    manifest_key: pulumi.Output[str]
    """Key of the manifest, available after its upload."""
    function_name: pulumi.Output[str]
    """Name of the function that removes superseded assets."""

    def __init__(self, name: str, args: RenameDistributionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=problems, names={"cleanup-role": 64})
        self._bucket_arn = pulumi.Output.from_input(checked["bucket_arn"])
        self._bucket = self._bucket_arn.apply(lambda arn: arn.split(":")[-1])
        prefix, assets = checked["path_prefix"], read_assets(Path(checked["folder"]))
        uploads = {asset.path: self._asset(f"{name}-{asset.renamed}", prefix, asset) for asset in assets}
        paths = {asset.path: f"/{prefix}{asset.renamed}" for asset in assets}
        self._paths = {path: after(pulumi.Output.from_input(paths[path]), upload) for path, upload in uploads.items()}
        self.asset_paths = by_name(self._paths)
        manifest = aws.s3.BucketObjectv2(
            f"{name}-manifest",
            bucket=self._bucket,
            key=prefix + MANIFEST,
            content=json.dumps(paths, indent=1, sort_keys=True),
            content_type="application/json",
            cache_control=f"public, max-age={checked['manifest_seconds']}",
            override_provider={"default_tags": {"tags": {}}},
            # Nobody reads of an asset that is not there yet.
            opts=self.child(depends_on=[*uploads.values()]),
        )
        self.manifest_key = after(pulumi.Output.from_input(prefix + MANIFEST), manifest)
        self.function_name = self._cleanup(name).name
        self.register()

    def asset_path(self, path: str) -> pulumi.Output[str]:
        """The path of a file at the CDN: ``asset_path("app.js")`` is ``/assets/app.0123456789abcdef.js``.

        :raises ArgumentError: for a file that is not in the folder.
        """
        return self.lookup(self._paths, path, "path", "a file of the folder")

    def asset_url(self, path: str) -> pulumi.Output[str]:
        """The address of a file at the CDN.

        :raises ArgumentError: without ``base_url``, and for a file that is not in the folder.
        """
        base_url = self._checked.get("base_url")
        if base_url is None:
            self.refuse(("base_url", "is missing, so assets have no addresses. Give the CDN's, or use asset_path."))
        return pulumi.Output.concat(base_url, self.asset_path(path))

    def _asset(self, child_name: str, prefix: str, asset: Asset) -> aws.s3.BucketObjectv2:
        """An object whose name has its hash: another content is another resource, and this one stays when it leaves the program."""
        return aws.s3.BucketObjectv2(
            child_name,
            bucket=self._bucket,
            key=prefix + asset.renamed,
            source=pulumi.FileAsset(str(asset.file)),
            # The ETag of an object that KMS encrypts says nothing about its content.
            source_hash=asset.digest,
            content_type=content_type(asset.path, self._checked["content_types"]),
            cache_control=f"public, max-age={_YEAR_SECONDS}, immutable",
            override_provider={"default_tags": {"tags": {}}},
            opts=self.child(retain_on_delete=True),
        )

    def _cleanup(self, name: str) -> aws.lambda_.Function:
        checked, prefix = self._checked, self._checked["path_prefix"]
        queue = undelivered_queue(self, f"{name}-cleanup-failed", checked["tags"])
        function = pattern_function(
            self,
            f"{name}-cleanup",
            _CODE,
            description=f"Removes superseded assets of {name}",
            role_description=f"What removes superseded assets of {name}",
            statements=self._rights(prefix),
            memory_mib=256,
            timeout_seconds=900,
            log_retention_days=checked["log_retention_days"],
            environment={
                "BUCKET": self._bucket,
                "PREFIX": prefix,
                "MANIFEST_KEY": self.manifest_key,
                "RETENTION_DAYS": str(checked["retention_days"]),
            },
            dead_letter_arn=queue.arn,
            tags=checked["tags"],
        ).function
        description = f"Removes superseded assets of {name} once a day"
        rule = invoke_on_event(
            self, f"{name}-cleanup-rule", function, description, schedule="rate(1 day)", undelivered=queue, tags=checked["tags"]
        )
        admit_events(self, f"{name}-cleanup-failed-policy", queue, [rule.arn])
        if topics := checked["alarm_topic_arns"]:
            reason = f"The function {name}-cleanup failed, and its event is in a queue: superseded assets stay, and its log says why"
            messages_alarm(self, f"{name}-cleanup-failed-alarm", reason, queue, topics, checked["tags"])
        return function

    def _rights(self, prefix: str) -> list[Statement]:
        objects = pulumi.Output.concat(self._bucket_arn, "/", prefix, "*")
        key_arn, manifest = self._checked.get("kms_key_arn"), pulumi.Output.concat(self._bucket_arn, "/", prefix, MANIFEST)
        decrypt = [] if key_arn is None else [Statement(sid="ReadManifestKey", actions=["kms:Decrypt"], resources=[key_arn])]
        return [
            Statement(
                sid="ListAssets",
                actions=["s3:ListBucket"],
                resources=[self._bucket_arn],
                conditions={"StringLike": {"s3:prefix": f"{prefix}*"}},
            ),
            Statement(sid="ReadManifest", actions=["s3:GetObject"], resources=[manifest]),
            Statement(
                sid="RemoveAssets",
                actions=["s3:DeleteObject", "s3:DeleteObjectTagging", "s3:GetObjectTagging", "s3:PutObjectTagging"],
                resources=[objects],
            ),
            *decrypt,
        ]
