"""The settings of a stack: its configuration, checked and typed.

`load()` reads the current stack's; `parse()` is the same without Pulumi's runtime. Every problem is reported at once, see `SettingsError`.
"""

from settings.cache import Cache
from settings.database import Database
from settings.errors import Problem, SettingsError
from settings.loading import Settings, Shop, load, parse
from settings.network import Nat, Network, SubnetCidrs, SubnetPrefixes, Window
from settings.network_traffic import FlowLogFiles, NetworkAcls
from settings.operators import Entry, Operator
from settings.storefront import Firewall, LoadBalancer, ReadReplicas, Servers, Storefront

__all__ = [
    "Cache",
    "Database",
    "Entry",
    "Firewall",
    "FlowLogFiles",
    "LoadBalancer",
    "Nat",
    "Network",
    "NetworkAcls",
    "Operator",
    "Problem",
    "ReadReplicas",
    "Servers",
    "Settings",
    "SettingsError",
    "Shop",
    "Storefront",
    "SubnetCidrs",
    "SubnetPrefixes",
    "Window",
    "load",
    "parse",
]
