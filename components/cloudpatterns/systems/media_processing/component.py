"""Pictures that users upload, and that a chain of stages checks, renders and publishes.

Source: "Function as a Service", image processing (2025 guide); "Queuing Chain" (Cloud Design Patterns for AWS).
"""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from cloudpatterns.blocks import (
    Metric,
    UserFunction,
    admit_events,
    alarm,
    create_key,
    logs_statement,
    messages_alarm,
    pattern_options,
    sender_statements,
    undelivered_queue,
    user_function,
)
from cloudpatterns.blocks.malware_scan import object_key_statement, scan_result_pattern
from cloudpatterns.core import (
    ByName,
    Component,
    FunctionOptions,
    Later,
    Statement,
    WorkloadStatementArgs,
    after,
    as_arguments,
    declared,
    iam_statement,
    later,
    pick,
)
from cloudpatterns.delivery import ContentDeliveryNetwork
from cloudpatterns.delivery._buckets import reader_key, reader_statements
from cloudpatterns.messaging import QueuingChain
from cloudpatterns.messaging.queuing_chain.arguments import QueuingChainStage
from cloudpatterns.network import ApiGateway
from cloudpatterns.storage import DurableBucket
from cloudpatterns.systems.media_processing.arguments import (
    CONTENT_TYPES,
    PREFIX,
    STAGES,
    MediaProcessingArgs,
    api_args,
    memory_mib,
    picture_memory_mib,
    picture_settings,
    problems,
    timeout_seconds,
)
from cloudpatterns.uploads import DirectObjectUpload, StorageIndex
from cloudpatterns.uploads._scanned_bucket import UploadBucketArgs

_CODE = Path(__file__).parent / "on_aws"
_EVENTS = "events.amazonaws.com"
_RENDITIONS, _RECORDS = "renditions/", "pictures/"
_NAMESPACE = "CloudPatterns/MediaProcessing"


class MediaProcessing(Component):
    """Pictures that users upload, in sizes and formats for the web, from a CDN (2025 guide, "Function as a Service"; Cloud Design Patterns
    for AWS, "Queuing Chain").

    A browser uploads by a presigned form to S3 (``DirectObjectUpload``), GuardDuty scans, and each clean upload passes three stages of a
    ``QueuingChain``. ``check`` looks at the file: a picture by its bytes, whole, within ``max_megapixels``, and nothing else in it.
    ``render`` decodes it in a process of its own and writes ``renditions``: upright, in sRGB, eight bits, without metadata. ``publish``
    writes a record, which a ``StorageIndex`` finds. A ``ContentDeliveryNetwork`` delivers renditions, and nothing else of the bucket. The
    owner sees each picture's state by ``status_function_arn``: ``scanning``, ``processing``, ``ready`` with links, or ``refused`` with the
    reason; a refused upload is kept, and never delivered.

    Animations are their first frame, or stay in renditions that are ``animated``. JPEG, PNG, WebP, GIF and AVIF are read; HEIC is not,
    which browsers on phones convert when a page accepts JPEG.

    Pillow comes as a layer of yours: ``examples/media_processing/build_layer.py`` builds one, with the versions in the file beside it.

    **Use when**: users send avatars, photos of products or posts, and pages need them small, safe and fast.

    **Not when**: pictures are transformed by the request in any size (CloudFront and a function of yours), or are videos (MediaConvert).

    **Cost drivers**: the scan, seconds of the function that decodes (it has a whole CPU), data to viewers, the web ACL, three keys.

    **Trade-offs**: a picture is there some seconds after its upload. Links do not expire unless ``key_group_ids`` are given. Nothing is
    deleted by itself: to delete a picture, delete its upload, record and renditions, and invalidate their path.

    **Proven by**: controls ``malware-scan-before-read``, ``queue-dead-letters``, ``cloudfront-origin-access-control``;
    ``test_media_processing.py``, ``test_media_processing_pictures.py``, which has animated, huge, broken and hostile files, and
    ``test_media_processing_on_aws.py``, which sends pictures through all stages with faults.
    """

    form_function_arn: pulumi.Output[str]
    """Function that issues forms for uploads, and tells their scan's result, for routes of an API."""
    status_function_arn: pulumi.Output[str]
    """Function that shows owners their pictures, for routes of an API: ``GET /pictures`` and ``GET /pictures/{id}``."""
    api_url: pulumi.Output[str]
    """URL of the API. Empty without ``api``."""
    media_url: pulumi.Output[str]
    """Address before the keys of renditions."""
    distribution_id: pulumi.Output[str]
    """Id of the distribution."""
    distribution_arn: pulumi.Output[str]
    """ARN of the distribution."""
    upload_bucket_name: pulumi.Output[str]
    """Bucket of the uploads."""
    upload_bucket_policy: pulumi.Output[str]
    """The statements that refuse objects that are not clean: the new bucket has them, an existing one needs them."""
    media_bucket_name: pulumi.Output[str]
    """Bucket of renditions and records."""
    queue_url: pulumi.Output[str]
    """Queue of the first stage, which takes ``{"upload": key}`` too: that upload is processed again."""
    queue_arns: ByName[str]
    """ARN of the queue of each stage: ``check``, ``render``, ``publish``."""
    dead_letter_queue_arns: ByName[str]
    """ARN of the dead-letter queue of each stage."""
    index_table_name: pulumi.Output[str]
    """Table of the index."""
    pillow_layer_arn: pulumi.Output[str]
    """The layer with Pillow."""
    kms_key_arn: pulumi.Output[str]
    """Key of uploads, queues, index, logs and environments."""
    media_kms_key_arn: pulumi.Output[str]
    """Key of renditions and records."""

    def __init__(self, name: str, args: MediaProcessingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._checked = checked = self.begin(name, args, opts, problems=partial(problems, name), names=_child_names)
        self._around: Any = pick(checked, "alarm_topic_arns", "tags")
        self.kms_key_arn = self._key(name)
        self.pillow_layer_arn = self._layer(name)
        self._uploads = uploads = self._direct_object_upload(name)
        with later() as distribution_arn:
            self._media = media = self._bucket(name, distribution_arn)
            self._cdn = cdn = self._delivery(name, media)
            distribution_arn.come_from(cdn.distribution_arn)
        self._index = index = self._storage_index(name)
        clean = self._clean_uploads(name)
        self._chain = chain = self._stages(name, clean)
        self._start(name, clean)
        status = self._status(name)
        self.form_function_arn, self.status_function_arn = uploads.function_arn, status.arn
        self.media_url, self.distribution_id, self.distribution_arn = cdn.url, cdn.distribution_id, cdn.distribution_arn
        self.upload_bucket_name, self.upload_bucket_policy = uploads.bucket_name, uploads.bucket_policy
        self.media_bucket_name, self.media_kms_key_arn = media.bucket_name, media.kms_key_arn
        self.queue_url, self.queue_arns, self.dead_letter_queue_arns = chain.queue_url, chain.queue_arns, chain.dead_letter_queue_arns
        self.index_table_name = index.table_name
        self.api_url = self._api(name)
        self.register()

    def send_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to have uploads processed again."""
        return self._chain.send_statements()

    def index_statements(self) -> list[WorkloadStatementArgs]:
        """What a role needs to read the index by ``cloudpatterns_runtime.storage_index``, with ``index_environment()``."""
        return self._index.read_statements()

    def index_environment(self) -> dict[str, pulumi.Input[str]]:
        """Environment variables of a function or server that reads the index."""
        return self._index.environment()

    def _key(self, name: str) -> pulumi.Output[str]:
        given = self._checked.get("kms_key_arn")
        if given is not None:
            return pulumi.Output.from_input(given)

        def statements(key_arn: pulumi.Output[str]) -> list[Statement]:
            return [logs_statement(key_arn, f"{name}-*"), *sender_statements(key_arn, [_EVENTS])]

        return create_key(self, f"{name}-key", f"Uploads, queues, index and logs of {name}", statements, tags=self._checked["tags"])

    def _layer(self, name: str) -> pulumi.Output[str]:
        given, archive = self._checked.get("pillow_layer_arn"), self._checked.get("pillow_layer")
        if given is not None:
            return pulumi.Output.from_input(given)
        return aws.lambda_.LayerVersion(
            f"{name}-pillow",
            layer_name=f"{name}-pillow",
            description=f"Pillow, which decodes and encodes the pictures of {name}",
            code=archive,
            compatible_runtimes=["python3.13"],
            compatible_architectures=["arm64"],
            opts=self.child(),
        ).arn

    def _direct_object_upload(self, name: str) -> DirectObjectUpload:
        checked = self._checked
        types = [CONTENT_TYPES[one] for one in checked["accepted_formats"]]
        form = {"prefix": PREFIX, "content_types": types, "max_size_mib": checked["max_size_mib"]}
        given: Any = {
            **pick(checked, *declared(UploadBucketArgs)),
            "forms": {"pictures": {**form, "expiry_seconds": checked["form_expiry_seconds"]}},
            "kms_key_arn": self.kms_key_arn,
            **pick(checked, "allowed_origins", "identity_claim", "log_retention_days"),
        }
        return DirectObjectUpload(f"{name}-uploads", given, self.child())

    def _bucket(self, name: str, distribution_arn: Later[str]) -> DurableBucket:
        checked = self._checked
        description, given = f"Renditions and records of {name}", checked.get("media_kms_key_arn")
        key_arn = reader_key(self, f"{name}-media-key", description, distribution_arn, given, checked["tags"])
        return DurableBucket(
            f"{name}-media",
            {
                "kind": "data",
                "kms_key_arn": key_arn,
                "statements": reader_statements(distribution_arn),
                "force_destroy": checked["media_force_destroy"],
                **pick(checked, "log_bucket_name", "tags"),
            },
            self.child(),
        )

    def _delivery(self, name: str, media: DurableBucket) -> ContentDeliveryNetwork:
        checked, cdn = self._checked, self._checked["cdn"]
        headers = pick(cdn["headers"], *cdn["headers"])
        # Whatever a browser takes a rendition for, it runs nothing of it.
        headers.setdefault("content_security_policy", "default-src 'none'; sandbox")
        return ContentDeliveryNetwork(
            f"{name}-cdn",
            {
                **pick(cdn, *cdn),
                "headers": headers,
                "tags": {**checked["tags"], **cdn["tags"]},
                # Viewers reach nothing but renditions: no path leads out of their folder.
                "origins": {
                    "media": {
                        "bucket": {"regional_domain_name": media.bucket_regional_domain_name},
                        "path": f"/{_RENDITIONS.rstrip('/')}",
                    }
                },
                "default_behavior": {"key_group_ids": checked["key_group_ids"]},
            },
            self.child(),
        )

    def _storage_index(self, name: str) -> StorageIndex:
        return StorageIndex(
            f"{name}-index",
            {
                "bucket_arn": self._media.bucket_arn,
                "prefix": _RECORDS,
                "kms_key_arn": self.kms_key_arn,
                **pick(self._checked, "deletion_protection", "log_retention_days"),
                **self._around,
            },
            self.child(),
        )

    def _clean_uploads(self, name: str) -> aws.cloudwatch.EventRule:
        return aws.cloudwatch.EventRule(
            f"{name}-clean",
            description=f"A picture that was uploaded to {name} is clean",
            event_pattern=pulumi.Output.json_dumps(scan_result_pattern(self._uploads.bucket_name, [PREFIX], clean=True)),
            tags=self._checked["tags"],
            opts=self.child(),
        )

    def _start(self, name: str, clean: aws.cloudwatch.EventRule) -> None:
        """Sends what is clean to the first stage; what EventBridge cannot deliver stays in a queue of its own."""
        checked = self._checked
        lost = undelivered_queue(self, f"{name}-undelivered", checked["tags"])
        admitted = admit_events(self, f"{name}-undelivered-policy", lost, [clean.arn])
        target: aws.cloudwatch.EventTargetDeadLetterConfigArgsDict = {"arn": after(lost.arn, admitted)}
        aws.cloudwatch.EventTarget(
            f"{name}-clean-target", rule=clean.name, arn=self._chain.queue_arn, dead_letter_config=target, opts=self.child()
        )
        if topics := checked["alarm_topic_arns"]:
            what = f"Clean pictures did not reach the first queue of {name}: does its key allow {_EVENTS}? Send their keys to it by hand"
            messages_alarm(self, f"{name}-undelivered-alarm", what, lost, topics, checked["tags"])
            alarm(
                self,
                f"{name}-refused",
                f"More than {checked['most_refused_pictures']} pictures were refused in 15 minutes: see the log of {name}-stages-publish",
                Metric(_NAMESPACE, "Refused", {"Pipeline": name}, "Sum"),
                checked["most_refused_pictures"],
                period_seconds=900,
                actions=topics,
                tags=checked["tags"],
            )

    def _stages(self, name: str, clean: aws.cloudwatch.EventRule) -> QueuingChain:
        return QueuingChain(
            f"{name}-stages",
            {
                "stages": [self._stage(stage) for stage in STAGES],
                "senders": [{"service": _EVENTS, "source_arn": clean.arn}],
                "kms_key_arn": self.kms_key_arn,
                **self._around,
            },
            self.child(),
        )

    def _stage(self, stage: str) -> QueuingChainStage:
        checked = self._checked
        return {
            "name": stage,
            "function": self._function(stage),
            # A stage that fails takes no other picture along, and each has the whole time.
            "batch_size": 10 if stage == "publish" else 1,
            "maximum_concurrency": checked["maximum_concurrency"],
            "max_receive_count": checked["max_receive_count"],
            "alarm_age_seconds": checked["alarm_age_seconds"],
            # Keys of renditions and conditions of records say what is done.
            "idempotency": False,
        }

    def _function(self, stage: str) -> FunctionOptions:
        checked, publishes = self._checked, stage == "publish"
        options = pattern_options(_CODE / "stages", checked["log_retention_days"], timeout_seconds=timeout_seconds(checked, stage))
        settings = {**picture_settings(checked), "memory_mib": picture_memory_mib(checked, stage)}
        options["code"] = pulumi.AssetArchive(
            {file.name: pulumi.FileAsset(str(file)) for file in sorted((_CODE / "stages").glob("*.py"))},
        )
        options["handler"], options["memory_mib"] = f"index.{stage}", memory_mib(checked, stage)
        options["runtime_library"] = False
        options["layers"] = [] if publishes else [self.pillow_layer_arn]
        options["environment"] = {
            "UPLOADS": self._uploads.bucket_name,
            "PREFIX": PREFIX,
            "MEDIA": self._media.bucket_name,
            "SETTINGS": json.dumps(settings, sort_keys=True),
            "METRIC_NAMESPACE": _NAMESPACE,
            "PIPELINE": self.pulumi_resource_name,
        }
        options["statements"] = as_arguments(self._rights(stage))
        if stage == "render":
            # The file, and the renditions that it becomes.
            options["ephemeral_storage_mib"] = 1024
            if checked["reserve_concurrency"]:
                options["reserved_concurrency"] = checked["maximum_concurrency"]
        return options

    def _rights(self, stage: str) -> list[Statement]:
        """Each stage reads what it needs, and only the last writes records."""
        reads = [
            *(iam_statement({"conditions": {}, **one}) for one in self._uploads.read_statements()),
            # Without it S3 says of an upload that is gone what it says of a right that is missing.
            Statement(sid="ListUploads", actions=["s3:ListBucket"], resources=[self._uploads.bucket_arn]),
        ]
        folder = _RECORDS if stage == "publish" else _RENDITIONS
        writes = [
            Statement(
                sid="Media",
                actions=["s3:GetObject", "s3:PutObject"],
                resources=[pulumi.Output.concat(self._media.bucket_arn, f"/{folder}*")],
            ),
            Statement(sid="ListMedia", actions=["s3:ListBucket"], resources=[self._media.bucket_arn]),
            replace(object_key_statement(self._media.kms_key_arn, "kms:GenerateDataKey"), sid="MediaKey"),
        ]
        return {"check": reads, "render": [*reads, *writes], "publish": writes}[stage]

    def _status(self, name: str) -> UserFunction:
        checked, uploads = self._checked, self._uploads
        options = pattern_options(_CODE / "status", checked["log_retention_days"], timeout_seconds=20)
        objects = pulumi.Output.concat(uploads.bucket_arn, f"/{PREFIX}*")
        return user_function(
            self,
            f"{name}-status",
            options,
            description=f"Shows owners their pictures in {name}",
            statements=[
                *(iam_statement({"conditions": {}, **one}) for one in self._index.read_statements()),
                Statement(sid="Scans", actions=["s3:GetObjectTagging"], resources=[objects]),
                Statement(sid="Uploads", actions=["s3:ListBucket"], resources=[uploads.bucket_arn]),
            ],
            environment={
                **self._index.environment(),
                "UPLOADS": uploads.bucket_name,
                "PREFIX": PREFIX,
                "MEDIA_URL": self._cdn.url,
                "IDENTITY_CLAIM": checked["identity_claim"],
                "ORIGINS": json.dumps(checked["allowed_origins"]),
                "LATE_SECONDS": str(checked["alarm_age_seconds"]),
            },
            kms_key_arn=self.kms_key_arn,
            alarm_topic_arns=checked["alarm_topic_arns"],
            tags=checked["tags"],
        )

    def _api(self, name: str) -> pulumi.Output[str]:
        checked = self._checked
        if checked.get("api") is None:
            return pulumi.Output.from_input("")
        given = api_args(checked, self.form_function_arn, self.status_function_arn)
        return ApiGateway(f"{name}-api", given, self.child()).invoke_url


def _child_names(checked: MediaProcessingArgs) -> dict[str, int]:
    stages = {f"stages-{stage}-function-role": 64 for stage in STAGES}
    bucket = "media-bucket" if checked.get("log_bucket_name") is not None else "media-logs-bucket"
    names = {**stages, "status-role": 64, "index-indexer-role": 64, "uploads-forms-role": 64, "undelivered": 80, bucket: 63}
    return names if checked.get("pillow_layer") is None else {**names, "pillow": 140}
