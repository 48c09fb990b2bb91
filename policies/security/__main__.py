"""The security pack: `pulumi preview --policy-pack policies/security --policy-pack-config policies/security/<stack>.json`."""

from cloudpatterns_policies import VERSION
from cloudpatterns_policies.core import discover, serve

serve("cloudpatterns-security", VERSION, discover())
