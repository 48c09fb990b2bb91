"""Regional certificates: those of an API for the stacks of its Regions, none of which owns the records that renew them."""

import pulumi
from cloudpatterns.delivery import RegionalCertificates

config = pulumi.Config()
domain_name: str = config.require("domain_name")

api = RegionalCertificates(
    "api",
    {
        # The name that all Regions share, and those of each.
        "domain_names": [domain_name, f"*.{domain_name}"],
        "hosted_zone_id": config.require("hosted_zone_id"),
        "regions": config.require_object("regions"),
    },
)

# The stack of a Region takes its own as the certificate_arn of its LoadBalancer.
pulumi.export("certificate_arns", api.certificate_arns)
