from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.delivery import RegionalCertificates
from offline_preview.graph import Graph

from tests.emulators.dns import RECORD
from tests.harness import record, refs

ZONE, CERTIFICATE = "Z0123456789ABCDEFGHIJ", "aws:acm/certificate:Certificate"
REGIONS = ["eu-west-1", "eu-central-1", "us-east-1"]


def make(mode: Any = "deployed", **args: Any) -> Graph:
    given: Any = {"domain_names": ["api.example.com"], "hosted_zone_id": ZONE, "regions": REGIONS, **args}
    return record(lambda: RegionalCertificates("api", given), mode=mode)


def test_each_region_has_a_certificate_and_all_share_one_validation_record() -> None:
    graph = make()
    assert {one.name: (one.inputs["region"], one.inputs["domainName"]) for one in graph.of_type(CERTIFICATE)} == {
        f"api-{region}": (region, "api.example.com") for region in REGIONS
    }
    [one] = graph.of_type(RECORD)
    assert (one.name, one.inputs["allowOverwrite"]) == ("api-record", True)
    for region in REGIONS:
        validation = graph.named(f"api-{region}-validation")
        assert refs(graph, validation, "certificateArn") == [f"api-{region}"]
        assert refs(graph, validation, "validationRecordFqdns") == ["api-record"]
        assert validation.inputs["region"] == region


def test_each_name_has_one_record_and_a_wildcard_that_of_the_name_below_it() -> None:
    graph = make(domain_names=["api.example.com", "*.api.example.com", "eu.api.example.com"])
    assert [one.name for one in graph.of_type(RECORD)] == ["api-record", "api-record-eu.api.example.com"]
    assert graph.named("api-eu-west-1").inputs["subjectAlternativeNames"] == ["*.api.example.com", "eu.api.example.com"]


def test_a_certificate_is_available_after_it_is_issued() -> None:
    graph = make()
    issued = {region: graph.named(f"api-{region}-validation").outputs["certificateArn"] for region in REGIONS}
    assert graph.named("api").outputs["certificate_arns"] == issued


def test_the_record_stays_when_the_first_region_goes() -> None:
    assert [one.name for one in make(regions=["us-east-1"]).of_type(RECORD)] == ["api-record"]


def test_the_first_name_is_the_one_whose_length_is_limited() -> None:
    long = f"{'a' * 53}.example.com"
    assert make(domain_names=["api.example.com", long])
    with pytest.raises(ArgumentError) as caught:
        make(domain_names=[long])
    assert caught.value.problems == [("domain_names.0", "has 65 characters; ACM takes 64 of the first name. Put a shorter one first.")]
