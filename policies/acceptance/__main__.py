"""The acceptance pack: `pulumi preview --policy-pack policies/acceptance --policy-pack-config policies/acceptance/<stack>.json`."""

from cloudpatterns_policies import VERSION
from cloudpatterns_policies.acceptance.judgement import prepare
from cloudpatterns_policies.core import discover, serve

prepare()
serve(
    "cloudpatterns-acceptance",
    VERSION,
    discover("cloudpatterns_policies.acceptance.controls", pack="acceptance"),
    keep_inputs=True,
)
