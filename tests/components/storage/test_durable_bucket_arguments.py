"""DurableBucket: the arguments that are refused, and what the messages say."""

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.storage import DurableBucket, DurableBucketArgs

from tests.harness import record

KEY = "arn:aws:kms:eu-west-1:123456789012:key/mine"
DATA: DurableBucketArgs = {"kind": "data"}
LOG_TARGET: DurableBucketArgs = {"kind": "log_target", "log_writers": [{"service": "server_access"}]}


def refused(args: DurableBucketArgs, name: str = "store") -> list[tuple[str, str]]:
    with pytest.raises(ArgumentError) as caught:
        record(lambda: DurableBucket(name, args))
    return caught.value.problems


ONLY_DATA = "is for the kind data only: buckets that receive logs take SSE-S3, no object lock, and are not logged. Remove it."


@pytest.mark.parametrize(
    ("args", "problems"),
    [
        ({"kind": "logs"}, [("kind", "is 'logs'; must be one of data, log_target")]),
        ({**LOG_TARGET, "kms_key_arn": KEY}, [("kms_key_arn", ONLY_DATA)]),
        ({**LOG_TARGET, "log_bucket_name": "logs"}, [("log_bucket_name", ONLY_DATA)]),
        ({**LOG_TARGET, "object_lock": {"mode": "GOVERNANCE", "retention_days": 1}}, [("object_lock", ONLY_DATA)]),
        ({**LOG_TARGET, "replication": {"region": "eu-central-1"}}, [("replication", ONLY_DATA)]),
        (
            {"kind": "log_target"},
            [
                (
                    "log_writers",
                    "is empty; a log_target that nobody may write to stays empty. Name a service, as in [{'service': 'server_access'}].",
                )
            ],
        ),
        (
            {**DATA, "log_writers": [{"service": "server_access"}]},
            [
                (
                    "log_writers",
                    "is for the kind log_target only: log services cannot write under a customer key. Create a log_target for them.",
                )
            ],
        ),
        (
            {
                **DATA,
                "access_logging": False,
                "log_bucket_name": "logs",
                "replication": {"region": "eu-west-2", "log_bucket_name": "there"},
            },
            [
                ("log_bucket_name", "excludes access_logging False: nothing would be written there. Remove one of them."),
                ("replication.log_bucket_name", "excludes access_logging False: nothing would be written there. Remove one of them."),
            ],
        ),
        (
            {**DATA, "force_destroy": True, "object_lock": {"mode": "GOVERNANCE", "retention_days": 1}},
            [("force_destroy", "excludes object_lock: it would delete locked objects; both are given. Remove one of them.")],
        ),
        (
            {**DATA, "region": "eu-west-2", "replication": {"region": "eu-west-2"}},
            [("replication.region", "is 'eu-west-2', the bucket's own Region. Name another one.")],
        ),
        (
            {**DATA, "existing_bucket_arn": "arn:aws:s3:::theirs", "retention_days": 3, "tags": {"Team": "storage"}},
            [
                ("existing_bucket_arn", f"excludes {other}: an adopted bucket is not changed; both are given. Remove one of them.")
                for other in ("retention_days", "tags")
            ],
        ),
        (
            {**DATA, "transitions": [{"storage_class": "GLACIER", "days": 1}, {"storage_class": "STANDARD_IA", "days": 2}]},
            [
                (
                    "transitions.1.storage_class",
                    "is STANDARD_IA after GLACIER; the order is STANDARD_IA, INTELLIGENT_TIERING, GLACIER_IR, "
                    "GLACIER, DEEP_ARCHIVE. Sort the transitions.",
                ),
                ("transitions.1.days", "is 2; STANDARD_IA is possible after 91 days at the earliest here. Give at least 91."),
            ],
        ),
        (
            {**DATA, "transitions": [{"storage_class": "STANDARD_IA", "days": 30}, {"storage_class": "GLACIER", "days": 59}]},
            [("transitions.1.days", "is 59; GLACIER is possible after 60 days at the earliest here. Give at least 60.")],
        ),
        (
            # Refused by S3: Glacier's 90 days are waited out before the next move.
            {**DATA, "transitions": [{"storage_class": "GLACIER_IR", "days": 10}, {"storage_class": "DEEP_ARCHIVE", "days": 99}]},
            [("transitions.1.days", "is 99; DEEP_ARCHIVE is possible after 100 days at the earliest here. Give at least 100.")],
        ),
        (
            {**DATA, "retention_days": 59, "transitions": [{"storage_class": "STANDARD_IA", "days": 30}]},
            [("retention_days", "is 59; objects that move to STANDARD_IA live at least 60 days. Give at least 60.")],
        ),
        (
            {**DATA, "retention_days": 10, "transitions": [{"storage_class": "GLACIER_IR", "days": 10}]},
            [("retention_days", "is 10; objects that move to GLACIER_IR live at least 11 days. Give at least 11.")],
        ),
        (
            {**LOG_TARGET, "transitions": [{"storage_class": "GLACIER_IR", "days": 365}]},
            [("retention_days", "is 365; objects that move to GLACIER_IR live at least 366 days. Give at least 366.")],
        ),
    ],
)
def test_refused(args, problems):
    assert refused(args) == problems


@pytest.mark.parametrize("service", ["load_balancer", "log_delivery"])
@pytest.mark.parametrize("accounts", [{}, {"account_ids": []}])
def test_logs_with_their_account_in_the_path_need_it(service, accounts):
    assert refused({"kind": "log_target", "log_writers": [{"service": "server_access"}, {"service": service, **accounts}]}) == [
        (
            "log_writers.1.account_ids",
            f"is missing; the logs of {service} have their account in the path. Give it, as in ['123456789012'].",
        )
    ]


@pytest.mark.parametrize(
    ("args", "path"),
    [
        ({**DATA, "transitions": [{"storage_class": "ONEZONE_IA", "days": 30}]}, "transitions.0.storage_class"),
        ({**DATA, "object_lock": {"mode": "NONE", "retention_days": 1}}, "object_lock.mode"),
        ({**DATA, "object_lock": {"mode": "GOVERNANCE", "retention_days": 0}}, "object_lock.retention_days"),
        ({**DATA, "replication": {"region": "Frankfurt"}}, "replication.region"),
        ({**DATA, "retention_days": 0}, "retention_days"),
        ({**DATA, "statements": [{"actions": [], "principals": {"AWS": ["*"]}}]}, "statements.0.actions"),
        ({"kind": "log_target", "log_writers": [{"service": "cloudtrail"}]}, "log_writers.0.service"),
        ({"kind": "log_target", "log_writers": [{"service": "load_balancer", "prefix": "/web"}]}, "log_writers.0.prefix"),
    ],
)
def test_values_are_checked(args, path):
    assert [found for found, _ in refused(args)] == [path]


def test_the_name_fits_a_bucket():
    assert refused(DATA, name="my_store") == [
        ("name", "is 'my_store'; names of buckets have letters, digits and dashes only. Give the component such a name.")
    ]


@pytest.mark.parametrize(
    ("args", "longest"),
    [
        (LOG_TARGET, 63 - 8 - len("-bucket")),
        ({**DATA, "log_bucket_name": "logs"}, 63 - 8 - len("-bucket")),
        (DATA, 63 - 8 - len("-logs-bucket")),
        ({**DATA, "replication": {"region": "eu-central-1"}}, 63 - 8 - len("-replica-logs-bucket")),
        ({**DATA, "replication": {"region": "eu-central-1", "log_bucket_name": "logs"}}, 63 - 8 - len("-replica-bucket")),
    ],
)
def test_the_name_leaves_room_for_every_child(args, longest):
    record(lambda: DurableBucket("n" * longest, args))
    [(path, reason)] = refused(args, name="n" * (longest + 1))
    assert path == "name"
    assert reason.endswith(f"Give the component a name of at most {longest} characters.")
