"""Keeps an index of a bucket's objects in a DynamoDB table, and answers queries from it.

The component ``StorageIndex`` has functions that do so. Code of yours reads the index::

    import boto3
    from cloudpatterns_runtime.storage_index import StorageIndex

    INDEX = StorageIndex.from_environment(boto3.client("dynamodb"))

    newest = INDEX.list("photos/ada/", newest_first=True, limit=20)
    for entry in newest.entries:
        print(entry["key"], entry["size"], entry["last_modified"])

The protocol
============

1. An event of the bucket (by EventBridge and a queue, so repeated, late and in any order) is only a reason to look: the indexer asks S3 for
   the object as it is now. S3 answers with the last finished write (https://aws.amazon.com/s3/consistency/), so what it writes after the
   last event of an object is the object's state, whatever came before.
2. An entry carries the sequencer of the last event that it is from, filled up with zeros to one length. An event whose sequencer is not
   higher was seen, or is older than what the indexer has looked at since: it is left out without a request to S3.
3. An entry is written under the condition that nobody has written it since it was read, which is before the look (``revision``). Who loses
   reads and looks again. So a look that took long never overwrites a later one.
4. What is gone leaves an entry without attributes for a day, or such a slow look would find none, and bring the object back.
5. A re-index job lists the bucket, then the entries, and sends their keys to the queue as reasons to look; it decides nothing itself. Each
   page is a message which sends the next, and has its number: one that is delivered again does nothing once a later one was begun. A
   page that fails is parked with the failed events, and the job goes on from there when they are moved back.

The function's role must be allowed to list the bucket, or S3 answers 403 instead of 404 for what is gone.

Source: Cloud Design Patterns for AWS, "Storage Index"; order of events:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
"""

import base64
import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from cloudpatterns_runtime._checks import entry, variable, write_on_condition

__all__ = ["ConflictError", "Indexer", "Page", "StorageIndex"]

_PREFIX = "CLOUDPATTERNS_INDEX_"
_FOLDER, _NAME, _BUCKET, _REVISION, _SEQUENCER = "folder", "name", "bucket", "revision", "sequencer"
_DELETED, _EXPIRES_AT = "deleted", "expires_at"
_OWN = frozenset((_FOLDER, _NAME, _BUCKET, _REVISION, _SEQUENCER, _DELETED, _EXPIRES_AT))
_JOBS = "jobs"
"""Where the table has the progress of re-index jobs; folders begin with a slash."""
_SEQUENCER_LENGTH = 40
_DAY_SECONDS = 86_400
_JOB_DAYS = 30
_TRIES = 5
_PAGE_KEYS = 1000
_MESSAGE_KEYS = 10
_MOST_MESSAGES = 10
_FORBIDDEN = 403
_NOT_FOUND = 404

_logger = logging.getLogger(__name__)

Wire = dict[str, Any]
"""An entry as DynamoDB's client has it."""


class ConflictError(Exception):
    """An entry was written by others each time that this indexer had looked; the message is delivered again."""


class Page(NamedTuple):
    """Entries of a query, and where the next page begins."""

    entries: list[dict[str, Any]]
    """Each with ``key``, ``size``, ``etag``, ``last_modified``, ``content_type``, ``storage_class``, ``metadata`` and, in a bucket with
    versions, ``version_id``."""
    token: str | None
    """For the next page; None: there is none."""


class StorageIndex:
    """Reads the index. Threads may share it."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        """``dynamodb`` is boto3's client."""
        self._dynamodb, self._table = dynamodb, table

    @classmethod
    def from_environment(cls, dynamodb: Any, environment: Mapping[str, str] | None = None) -> "StorageIndex":
        """The index of the component ``StorageIndex``, whose method ``environment`` has the variables.

        :raises ValueError: where they are missing.
        """
        given = os.environ if environment is None else environment
        return cls(dynamodb, variable(given, f"{_PREFIX}TABLE", "Pass environment() of the StorageIndex to the server."))

    def get(self, key: str) -> dict[str, Any] | None:
        """The entry of an object; None: it is not in the index."""
        entry = self._dynamodb.get_item(TableName=self._table, Key=place(key)).get("Item")
        return None if entry is None or _DELETED in entry else _shown(entry)

    def list(
        self, folder: str = "", *, name_prefix: str = "", newest_first: bool = False, limit: int = 100, token: str | None = None
    ) -> Page:
        """The objects right in a folder (``photos/ada/``, or the bucket's root), by name, or the newest first.

        :raises ValueError: for a folder that does not end in a slash, and for ``name_prefix`` with ``newest_first``.
        """
        if folder and not folder.endswith("/"):
            raise ValueError(f"folder is {folder!r}; it ends in a slash, or is empty for the bucket's root.")
        if name_prefix and newest_first:
            raise ValueError("name_prefix and newest_first exclude each other: give one of them.")
        request: dict[str, Any] = {"IndexName": "by-modified", "ScanIndexForward": False} if newest_first else {}
        condition, values = "folder = :folder", {":folder": {"S": f"/{folder}"}}
        if name_prefix:
            condition, values[":prefix"] = f"{condition} AND begins_with(#name, :prefix)", {"S": name_prefix}
            request["ExpressionAttributeNames"] = {"#name": _NAME}
        return self._query(condition, values, limit, token, request)

    def find(self, name: str, value: str, *, newest_first: bool = False, limit: int = 100, token: str | None = None) -> Page:
        """The objects with a value of a user-defined metadata, one of the component's ``indexed_metadata``, by the time of their change."""
        request = {
            "IndexName": f"by-{name}",
            "ScanIndexForward": not newest_first,
            "ExpressionAttributeNames": {"#attribute": metadata_attribute(name)},
        }
        return self._query("#attribute = :value", {":value": {"S": value}}, limit, token, request)

    def answer(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """A query as a function is invoked with it: ``{"key": ...}``, ``{"folder": ...}`` or ``{"metadata": {name: value}}``.

        The other arguments are those of ``get``, ``list`` and ``find``; the answer has ``entries`` and ``token``.

        :raises ValueError: for another question.
        """
        given = {**question}
        if "key" in given:
            entry = self.get(given.pop("key"))
            _only(given)
            page = Page([] if entry is None else [entry], None)
        elif "metadata" in given:
            metadata = given.pop("metadata")
            if len(metadata) != 1:
                raise ValueError(f"metadata has {len(metadata)} entries; one name with its value is allowed.")
            [(name, value)] = metadata.items()
            page = self.find(name, value, **_only(given, "newest_first", "limit", "token"))
        else:
            page = self.list(**_only(given, "folder", "name_prefix", "newest_first", "limit", "token"))
        return {"entries": page.entries, "token": page.token}

    def _query(self, condition: str, values: dict[str, Any], limit: int, token: str | None, request: dict[str, Any]) -> Page:
        if not 1 <= limit <= _PAGE_KEYS:
            raise ValueError(f"limit is {limit}; 1 to {_PAGE_KEYS} are allowed.")
        if token is not None:
            request["ExclusiveStartKey"] = json.loads(base64.urlsafe_b64decode(token))
        page = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression=condition,
            FilterExpression=f"attribute_not_exists({_DELETED})",
            ExpressionAttributeValues=values,
            Limit=limit,
            **request,
        )
        last = page.get("LastEvaluatedKey")
        following = None if last is None else base64.urlsafe_b64encode(json.dumps(last).encode()).decode()
        return Page([_shown(entry) for entry in page["Items"]], following)


class Indexer:
    """Keeps the index, from the messages of its queue; the module's text has the protocol. Threads may share it."""

    def __init__(
        self,
        dynamodb: Any,
        s3: Any,
        sqs: Any,
        *,
        table: str,
        bucket: str,
        queue_url: str,
        prefix: str = "",
        metadata: Sequence[str] = (),
        unreadable_left_out: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """An indexer of ``bucket``.

        ``dynamodb``, ``s3`` and ``sqs`` are boto3's clients. Keys without ``prefix`` are left out. ``metadata`` are names of
        user-defined metadata with an index. With ``unreadable_left_out`` an object that S3 refuses (403) is not in the index; otherwise
        that is an error.
        """
        self._dynamodb, self._s3, self._sqs = dynamodb, s3, sqs
        self._table, self._bucket, self._queue_url, self._prefix, self._metadata = table, bucket, queue_url, prefix, metadata
        self._unreadable_left_out, self._clock = unreadable_left_out, clock

    @classmethod
    def from_environment(cls, dynamodb: Any, s3: Any, sqs: Any, environment: Mapping[str, str] | None = None) -> "Indexer":
        """The indexer of the component ``StorageIndex``, which sets its environment."""
        given = os.environ if environment is None else environment
        return cls(
            dynamodb,
            s3,
            sqs,
            table=given[f"{_PREFIX}TABLE"],
            bucket=given[f"{_PREFIX}BUCKET"],
            queue_url=given[f"{_PREFIX}QUEUE_URL"],
            prefix=given.get(f"{_PREFIX}PREFIX", ""),
            metadata=json.loads(given.get(f"{_PREFIX}METADATA", "[]")),
            unreadable_left_out=given.get(f"{_PREFIX}UNREADABLE") == "left-out",
        )

    def handle(self, event: Mapping[str, Any]) -> dict[str, list[dict[str, str]]]:
        """Processes the messages of an event of SQS; the answer names those that failed, for ``ReportBatchItemFailures``."""
        failed: list[dict[str, str]] = []
        for record in event["Records"]:
            try:
                self._process(json.loads(record["body"]), record["messageId"])
            except Exception:
                _logger.exception("the message %s is not processed", record["messageId"])
                failed.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failed}

    def look(self, key: str, sequencer: str | None = None) -> bool:
        """Writes the entry of an object as S3 has it now, unless it is from this event (its ``sequencer``) or a later one.

        Whether it was written.

        :raises ConflictError: when others have written it each time.
        """
        if not key.startswith(self._prefix):
            return False
        number = None if sequencer is None else sequencer.upper().rjust(_SEQUENCER_LENGTH, "0")
        for _ in range(_TRIES):
            entry = self._dynamodb.get_item(TableName=self._table, Key=place(key), ConsistentRead=True).get("Item", {})
            # Sequencers of another bucket, which had the index before, are in no order with these.
            seen = entry[_SEQUENCER]["S"] if _SEQUENCER in entry and entry[_BUCKET]["S"] == self._bucket else ""
            if number is not None and number <= seen:
                return False
            found = self._found(key)
            if found is None:
                found = {_DELETED: {"BOOL": True}, _EXPIRES_AT: {"N": str(int(self._clock() + _DAY_SECONDS))}}
            found[_BUCKET] = {"S": self._bucket}
            if latest := max(number or "", seen):
                found[_SEQUENCER] = {"S": latest}
            if _state(entry) == _state({**place(key), **found}):
                return False
            if self._write({**place(key), **found}, entry):
                return True
        raise ConflictError(f"the entry of an object was written by others {_TRIES} times")

    def _process(self, body: Mapping[str, Any], message_id: str) -> None:
        if "reindex" in body:
            self._reindex({"job": message_id, "page": 1, "prefix": self._prefix, "step": "objects", "seen": 0, **body["reindex"]})
        elif "look" in body:
            for key in body["look"]:
                self.look(key)
        else:
            detail = body["detail"]
            if detail["bucket"]["name"] != self._bucket:
                raise ValueError(f"The event is of the bucket {detail['bucket']['name']}, and the index of {self._bucket}.")
            # Of events about tags none is documented, and an object may have become readable by one.
            ordered = body["detail-type"] in ("Object Created", "Object Deleted")
            self.look(detail["object"]["key"], detail["object"].get("sequencer") if ordered else None)

    def _found(self, key: str) -> Wire | None:
        """The object's attributes; None: there is none."""
        try:
            head = self._s3.head_object(Bucket=self._bucket, Key=key)
        except Exception as error:
            status = _status(error)
            if status == _NOT_FOUND or (status == _FORBIDDEN and self._unreadable_left_out):
                return None
            raise
        metadata: dict[str, str] = head.get("Metadata", {})
        found: Wire = {
            "size": {"N": str(head["ContentLength"])},
            "etag": {"S": head["ETag"].strip('"')},
            "last_modified": {"S": head["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ")},
            "content_type": {"S": head.get("ContentType", "binary/octet-stream")},
            "storage_class": {"S": head.get("StorageClass", "STANDARD")},
            "metadata": {"M": {name: {"S": value} for name, value in metadata.items()}},
        }
        if head.get("VersionId", "null") != "null":
            found["version_id"] = {"S": head["VersionId"]}
        # Keys of an index are not empty.
        found |= {metadata_attribute(name): {"S": metadata[name]} for name in self._metadata if metadata.get(name)}
        return found

    def _write(self, entry: Wire, before: Wire) -> bool:
        unchanged: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(folder)"}
        if before:
            unchanged = {"ConditionExpression": "revision = :seen", "ExpressionAttributeValues": {":seen": before[_REVISION]}}
        return write_on_condition(
            self._dynamodb.put_item, TableName=self._table, Item={**entry, _REVISION: {"S": uuid.uuid4().hex}}, **unchanged
        )

    def _reindex(self, page: dict[str, Any]) -> None:
        """One page of a job: its keys go to the queue, and the next page behind them."""
        if not self._begun(page):
            _logger.info("page %s of the job %s was passed", page["page"], page["job"])
            return
        keys, following = self._objects(page) if page["step"] == "objects" else self._entries(page)
        messages: list[dict[str, Any]] = [{"look": keys[start : start + _MESSAGE_KEYS]} for start in range(0, len(keys), _MESSAGE_KEYS)]
        following = {**page, **following, "page": page["page"] + 1, "seen": page["seen"] + len(keys)}
        if following["step"] != "end":
            messages.append({"reindex": following})
        self._send(messages)
        if following["step"] == "end":
            self._begun(following)
            _logger.info("the job %s has sent %s keys of objects and entries", page["job"], following["seen"])

    def _begun(self, page: Mapping[str, Any]) -> bool:
        """Notes that a page is begun; False: a later one was."""
        expires_at = str(int(self._clock() + _JOB_DAYS * _DAY_SECONDS))
        values = {
            "page": {"N": str(page["page"])},
            "step": {"S": page["step"]},
            "seen": {"N": str(page["seen"])},
            "prefix": {"S": page["prefix"]},
        }
        return write_on_condition(
            self._dynamodb.put_item,
            TableName=self._table,
            Item={_FOLDER: {"S": _JOBS}, _NAME: {"S": page["job"]}, **values, _EXPIRES_AT: {"N": expires_at}},
            ConditionExpression="attribute_not_exists(folder) OR page <= :page",
            ExpressionAttributeValues={":page": values["page"]},
        )

    def _objects(self, page: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
        after = {"StartAfter": page["after"]} if page.get("after") else {}
        answer = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=page["prefix"], MaxKeys=_PAGE_KEYS, **after)
        keys = [entry["Key"] for entry in answer.get("Contents", [])]
        return keys, {"after": keys[-1]} if answer["IsTruncated"] else {"step": "entries", "after": None}

    def _entries(self, page: Mapping[str, Any]) -> tuple[list[str], dict[str, Any]]:
        after = {"ExclusiveStartKey": page["after"]} if page.get("after") else {}
        answer = self._dynamodb.scan(
            TableName=self._table,
            Limit=_PAGE_KEYS,
            FilterExpression="attribute_not_exists(deleted) AND folder <> :jobs",
            ExpressionAttributeValues={":jobs": {"S": _JOBS}},
            ProjectionExpression="folder, #name",
            ExpressionAttributeNames={"#name": _NAME},
            **after,
        )
        keys = [key for entry in answer["Items"] if (key := key_of(entry)).startswith(page["prefix"])]
        last = answer.get("LastEvaluatedKey")
        return keys, {"after": last} if last else {"step": "end", "after": None}

    def _send(self, messages: Sequence[Mapping[str, Any]]) -> None:
        for start in range(0, len(messages), _MOST_MESSAGES):
            entries = [
                {"Id": str(number), "MessageBody": json.dumps(message)}
                for number, message in enumerate(messages[start : start + _MOST_MESSAGES])
            ]
            answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            if failed := answer.get("Failed"):
                # The page is delivered again, and sends all of them again.
                raise RuntimeError(f"{len(failed)} messages were not sent: {failed[0].get('Code')}")


def place(key: str) -> Wire:
    """The key of an object's entry: its folder, with a slash in front since a key is not empty, and the rest."""
    cut = key[:-1].rfind("/") + 1
    return {_FOLDER: {"S": f"/{key[:cut]}"}, _NAME: {"S": key[cut:]}}


def key_of(entry: Wire) -> str:
    """The object's key of an entry."""
    return entry[_FOLDER]["S"][1:] + entry[_NAME]["S"]


def metadata_attribute(name: str) -> str:
    """The attribute of an entry with a user-defined metadata that has an index."""
    return f"metadata_{name.replace('-', '_')}"


def _shown(entry: Wire) -> dict[str, Any]:
    shown: dict[str, Any] = {"key": key_of(entry)}
    for name, typed in entry.items():
        if name not in _OWN and not name.startswith("metadata_"):
            [(kind, content)] = typed.items()
            shown[name] = int(content) if kind == "N" else {key: one["S"] for key, one in content.items()} if kind == "M" else content
    return shown


def _state(entry: Wire) -> Wire:
    """What two writes of an entry must have in common for the second to be left out."""
    return {name: value for name, value in entry.items() if name not in (_REVISION, _EXPIRES_AT)}


def _only(given: Mapping[str, Any], *known: str) -> dict[str, Any]:
    if other := sorted(given.keys() - set(known)):
        raise ValueError(f"{', '.join(other)} is no part of such a question; known are {', '.join(known) or 'none'}.")
    return {**given}


def _status(error: Exception) -> str | int | None:
    return entry(getattr(error, "response", None), "ResponseMetadata", "HTTPStatusCode")
