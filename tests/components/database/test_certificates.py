import re
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
from cloudpatterns.core import ArgumentError
from cloudpatterns.database import certificates, rds_certificates

FOLDER = Path(certificates.__file__).parent / "rds-certificates"
REGIONS = sorted(path.stem for path in FOLDER.iterdir())


def test_the_regions_are_there() -> None:
    assert {"eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-southeast-2"} <= set(REGIONS)
    assert len(REGIONS) == 27


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_has_its_three_roots_and_no_others(region: str) -> None:
    text = rds_certificates(region)
    assert re.sub("-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n", "", text) == ""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=text)
    certificates: list[Any] = context.get_ca_certs()
    assert all(certificate["subject"] == certificate["issuer"] for certificate in certificates)
    names = [dict(part for (part,) in certificate["subject"])["commonName"] for certificate in certificates]
    assert sorted(names) == [f"Amazon RDS {region} Root CA {algorithm} G1" for algorithm in ("ECC384", "RSA2048", "RSA4096")]
    year = 365 * 24 * 3600
    assert all(ssl.cert_time_to_seconds(certificate["notAfter"]) > time.time() + year for certificate in certificates)
    # User data has 16 KB: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html
    assert len(text) < 5000


@pytest.mark.parametrize("region", ["xx-north-9", "../certificates", ""])
def test_a_region_without_certificates_is_refused_with_the_way_out(region: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        rds_certificates(region)
    [(path, reason)] = caught.value.problems
    assert path == "region"
    assert reason.startswith(f"is {region!r}; there are certificates of af-south-1, ap-east-1, ")
    assert "pass AWS's bundle of it yourself: https://docs.aws.amazon.com/" in reason
