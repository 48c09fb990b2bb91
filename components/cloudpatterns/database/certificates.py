"""Certificates that clients verify databases by."""

from pathlib import Path

import pulumi

from cloudpatterns.core import ArgumentError

# One file per region. Not a package: nothing of it can be imported.
_FOLDER = Path(__file__).parent / "rds-certificates"


def rds_certificates(region: str) -> str:
    """The root certificates of RDS and Aurora in a region, as PEM: RSA2048, RSA4096 and ECC384 of generation G1, about 4.6 KB.

    A client that verifies the server's certificate (``sslmode=verify-full``, ``ssl-mode=VERIFY_IDENTITY``) trusts these and no others;
    every ``ca_certificate`` of a database has its root among them. AWS publishes them at
    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html.

    :raises ArgumentError: for a region whose certificates are not in this package.
    """
    known = sorted(path.stem for path in _FOLDER.glob("*.pem"))
    if region not in known:
        reason = (
            f"is {region!r}; there are certificates of {', '.join(known)}. For another region pass AWS's bundle of it yourself: "
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html"
        )
        raise ArgumentError("rds_certificates", region, [("region", reason)])
    return (_FOLDER / f"{region}.pem").read_text(encoding="ascii")


def rds_certificate_files() -> dict[str, pulumi.Asset]:
    """The certificates of all regions that are in this package, by ``<region>.pem``: for code that learns its region only when it runs."""
    return {path.name: pulumi.FileAsset(str(path)) for path in sorted(_FOLDER.glob("*.pem"))}
