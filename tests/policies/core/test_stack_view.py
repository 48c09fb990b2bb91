"""References between resources: by property dependency, by value, in both directions."""

import pytest
from cloudpatterns_policies.core import UNKNOWN, ResourceReference, Stack

from tests.policies.helpers import resource, stack, urn

GROUP = "aws:ec2/securityGroup:SecurityGroup"
INSTANCE = "aws:ec2/instance:Instance"
KEY = "aws:kms/key:Key"


def names(found: object) -> list[str]:
    assert isinstance(found, list)
    return [item.name for item in found]


def test_lookup() -> None:
    web, db, vm = resource(GROUP, "web"), resource(GROUP, "db"), resource(INSTANCE, "vm", parent="web")
    whole = stack(web, vm, db)
    assert whole.resources == (web, vm, db)
    assert whole.of_type(INSTANCE, GROUP) == [vm, web, db]
    assert whole.of_type("none") == []
    assert whole.by_urn(web.urn) is web
    assert whole.by_urn("urn:none") is None
    assert whole.parent(vm) is web
    assert whole.parent(web) is None
    assert whole.children(web) == [vm]
    assert whole.children(vm) == []


def test_unknown_ids_are_followed_through_dependencies() -> None:
    web, db, key = resource(GROUP, "web", {"id": UNKNOWN}), resource(GROUP, "db"), resource(KEY, "key")
    vm = resource(
        INSTANCE, "vm", {"groups": [UNKNOWN, UNKNOWN], "other": UNKNOWN}, deps={"groups": ["web", "db", "key"], "gone": ["urn:gone"]}
    )
    whole = stack(vm, web, db, key)
    assert names(whole.refs(vm, "groups", GROUP)) == ["db", "web"]
    assert names(whole.refs(vm, "groups")) == ["db", "web", "key"]
    assert whole.refs(vm, "gone") == whole.refs(vm, "missing") == whole.refs(vm, "other") == []
    assert whole.referrers(web, INSTANCE, "groups") == [vm]
    assert whole.referrers(web, INSTANCE, "other") == []
    assert whole.referrers(web, GROUP, "groups") == []


@pytest.mark.parametrize(
    "value",
    ["sg-1", ["sg-1"], {"deep": [{"er": "sg-1"}]}, "arn:aws:1", "web-name", ResourceReference("urn:any", "sg-1")],
)
def test_literal_ids_arns_and_names_are_matched(value: object) -> None:
    web = resource(GROUP, "web", {"id": "sg-1", "arn": "arn:aws:1", "name": "web-name"})
    vm = resource(INSTANCE, "vm", {"group": value, "id": "i-1", "engine": "mysql"})
    whole = stack(web, vm)
    assert whole.refs(vm, "group") == [web]
    assert whole.referrers(web, INSTANCE, "group") == [vm]
    assert whole.refs(vm, "id") == whole.refs(vm, "engine") == []


def test_an_id_is_worth_more_than_a_name() -> None:
    by_id, by_name = resource(GROUP, "one", {"id": "same"}), resource(KEY, "two", {"name": "same"})
    vm = resource(INSTANCE, "vm", {"x": "same"})
    assert stack(by_id, by_name, vm).refs(vm, "x") == [by_id]


def test_dependency_and_value_are_one_reference() -> None:
    web, db = resource(GROUP, "web", {"id": "sg-1"}), resource(GROUP, "db", {"id": "sg-2"})
    vm = resource(INSTANCE, "vm", {"groups": ["sg-1", "sg-2"]}, deps={"groups": ["web"]})
    assert names(stack(vm, web, db).refs(vm, "groups")) == ["db", "web"]


def test_a_deeper_path_uses_dependencies_only_where_it_is_unknown() -> None:
    web, db = resource(GROUP, "web", {"id": UNKNOWN}), resource(GROUP, "db", {"id": "sg-2"})
    rules = [{"group": "sg-2", "cidr": "10.0.0.0/8"}, {"group": UNKNOWN}, {"groups": ["sg-2", UNKNOWN]}]
    vm = resource(INSTANCE, "vm", {"rules": rules}, deps={"rules": ["web"]})
    whole = stack(vm, web, db)
    assert names(whole.refs(vm, "rules.0.group")) == ["db"]
    assert whole.refs(vm, "rules.0.cidr") == []
    assert names(whole.refs(vm, "rules.1.group")) == ["web"]
    assert names(whole.refs(vm, "rules.2.groups")) == ["db", "web"]
    assert whole.refs(vm, "rules.9") == []


def test_references_do_not_depend_on_the_order_of_resources() -> None:
    web, db = resource(GROUP, "web", {"id": "sg-1"}), resource(GROUP, "db", {"id": "sg-2"})
    vm = resource(INSTANCE, "vm", {"groups": ["sg-2", "sg-1"]})
    assert Stack([vm, web, db]).refs(vm, "groups") == Stack([db, web, vm]).refs(vm, "groups") == [db, web]


def test_helper_refuses_names_it_cannot_resolve() -> None:
    with pytest.raises(LookupError, match="0 resources are called 'nobody'"):
        stack(resource(INSTANCE, "vm", deps={"x": ["nobody"]}))
    with pytest.raises(LookupError, match="2 resources are called 'same'"):
        stack(resource(INSTANCE, "vm", parent="same"), resource(GROUP, "same"), resource(KEY, "same"))
    vm = resource(INSTANCE, "vm", deps={"x": [urn(GROUP, "elsewhere")]})
    assert stack(vm).refs(vm, "x") == []
