from typing import Any, Literal

import pulumi
import pulumi_aws as aws
import pytest
from cloudpatterns.core import after, by_name, later
from offline_preview.graph import Graph
from offline_preview.values import Secret

from tests.harness import record, refs


def program(value: Any, *, through_id: bool) -> Graph:
    def make() -> None:
        role = aws.iam.Role("role", assume_role_policy="{}")
        policy = aws.iam.RolePolicy("policy", role="r", policy="{}")
        ordered = after(value, role.arn if through_id else role, policy)
        aws.s3.Bucket("bucket", bucket=ordered)

    return record(make, mode="preview")


def test_a_value_stays_known_in_a_preview_that_adds_what_it_waits_for() -> None:
    for through_id in (False, True):
        bucket = program("name", through_id=through_id).one("aws:s3/bucket:Bucket")
        assert bucket.inputs["bucket"] == "name"


def test_who_takes_the_value_waits_for_the_others() -> None:
    for through_id in (False, True):
        graph = program("name", through_id=through_id)
        assert sorted(refs(graph, graph.one("aws:s3/bucket:Bucket"), "bucket")) == ["policy", "role"]


def test_a_value_that_is_unknown_itself_stays_unknown() -> None:
    def make() -> None:
        role = aws.iam.Role("role", assume_role_policy="{}")
        policy = aws.iam.RolePolicy("policy", role="r", policy="{}")
        aws.s3.Bucket("bucket", bucket=after(role.arn, policy))

    bucket = record(make, mode="preview").one("aws:s3/bucket:Bucket")
    assert repr(bucket.inputs["bucket"]) == "UNKNOWN"


def test_a_secret_stays_secret() -> None:
    def make() -> None:
        aws.s3.Bucket("bucket", bucket=after(pulumi.Output.secret("s"), aws.iam.Role("role", assume_role_policy="{}")))

    assert isinstance(record(make).one("aws:s3/bucket:Bucket").inputs["bucket"], Secret)


def test_a_secret_that_is_waited_for_makes_no_secret() -> None:
    def make() -> None:
        aws.s3.Bucket("bucket", bucket=after("name", pulumi.Output.secret("s")))

    assert record(make).one("aws:s3/bucket:Bucket").inputs["bucket"] == "name"


def test_values_by_name_are_one_output_and_none_are_an_empty_mapping() -> None:
    seen: list[Any] = []

    def make() -> None:
        by_name({"a": "1", "b": pulumi.Output.from_input("2")}).apply(seen.append)
        by_name({}).apply(seen.append)

    record(make)
    assert sorted(seen, key=len) == [{}, {"a": "1", "b": "2"}]


@pytest.mark.parametrize("mode", ["preview", "deployed"])
def test_values_by_name_keep_their_own_dependencies_and_are_together_one_output(mode: Literal["preview", "deployed"]) -> None:
    def make() -> None:
        roles = by_name({name: aws.iam.Role(name, assume_role_policy="{}").arn for name in ("a", "b")})
        for name, arn in {**roles}.items():
            aws.s3.Bucket(f"bucket-{name}", bucket=arn)
        aws.s3.Bucket("both", tags=roles)
        aws.s3.Bucket("joined", bucket=roles.apply(lambda arns: "-".join(arns)))
        pulumi.export("roles", roles)

    graph = record(make, mode=mode)
    assert {bucket.name: sorted(refs(graph, bucket)) for bucket in graph.of_type("aws:s3/bucket:Bucket")} == {
        "bucket-a": ["a"],
        "bucket-b": ["b"],
        "both": ["a", "b"],
        "joined": ["a", "b"],
    }
    if mode == "deployed":
        assert graph.outputs["roles"] == graph.named("both").inputs["tags"]
        assert graph.named("joined").inputs["bucket"] == "a-b"
    else:
        assert repr(graph.outputs["roles"]) == "UNKNOWN"


def test_values_by_name_are_known_one_by_one_and_secret_one_by_one() -> None:
    def make() -> None:
        values = by_name({"plain": "name", "secret": pulumi.Output.secret("s"), "new": aws.iam.Role("role", assume_role_policy="{}").arn})
        for name in values.keys():  # noqa: SIM118 (an output is not iterable)
            aws.s3.Bucket(name, bucket=values[name])

    inputs = {bucket.name: bucket.inputs["bucket"] for bucket in record(make).of_type("aws:s3/bucket:Bucket")}
    assert inputs["plain"] == "name"
    assert isinstance(inputs["secret"], Secret)
    assert repr(inputs["new"]) == "UNKNOWN"


def test_an_unknown_name_is_refused_at_once() -> None:
    def make() -> None:
        with pytest.raises(KeyError, match="c is not one of a, b"):
            by_name({"a": "1", "b": "2"})["c"]
        with pytest.raises(KeyError, match="there are none"):
            by_name({})["c"]

    record(make)


def named_later(mode: Literal["preview", "deployed"] = "deployed", *, fails: bool = False) -> Graph:
    """A policy of the first resource that names the last one, which needs the first."""

    def make() -> None:
        with later() as role_arn:
            bucket = aws.s3.Bucket("bucket")
            aws.s3.BucketPolicy("policy", bucket=bucket.bucket, policy=pulumi.Output.json_dumps({"Principal": role_arn}))
            if fails:
                raise ValueError("no role")
            role_arn.come_from(aws.iam.Role("role", assume_role_policy="{}", description=bucket.arn).arn)

    return record(make, mode=mode)


def test_a_value_may_come_from_what_is_created_later() -> None:
    graph = named_later()
    policy, role = graph.named("policy"), graph.named("role")
    assert policy.inputs["policy"] == f'{{"Principal": "{role.outputs["arn"]}"}}'
    assert refs(graph, policy, "policy") == ["role"]
    assert refs(graph, role, "description") == ["bucket"]


def test_a_later_value_is_unknown_in_the_preview_that_creates_what_it_comes_from() -> None:
    assert repr(named_later("preview").named("policy").inputs["policy"]) == "UNKNOWN"


def test_an_error_before_the_later_value_is_reported_in_place_of_an_endless_wait() -> None:
    with pytest.raises(ValueError, match="no role"):
        named_later(fails=True)
