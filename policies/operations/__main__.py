"""The operations pack: `pulumi preview --policy-pack policies/operations --policy-pack-config policies/operations/<stack>.json`."""

from cloudpatterns_policies import VERSION
from cloudpatterns_policies.core import discover, serve

serve("cloudpatterns-operations", VERSION, discover(pack="operations"))
