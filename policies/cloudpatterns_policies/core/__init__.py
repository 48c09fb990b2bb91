"""What a control is made of, and what runs it.

A control is metadata plus one pure function that returns `Pass()`, `Fail(message, where)`, `Unknown(path)` or `NotApplicable(reason)`; see
`control` and `stack_control`. `serve` runs controls as a CrossGuard policy pack; `as_policies` (in `core.adapter`) turns them into plain
`pulumi_policy` policies.
"""

from cloudpatterns_policies.core.configuration import Level, ProfileError, read_profile, validate_profile
from cloudpatterns_policies.core.control import Control, control, stack_control
from cloudpatterns_policies.core.registry import discover
from cloudpatterns_policies.core.resource import Resource
from cloudpatterns_policies.core.server import serve
from cloudpatterns_policies.core.stack import Stack
from cloudpatterns_policies.core.values import UNKNOWN, Asset, ResourceReference
from cloudpatterns_policies.core.verdicts import Fail, NotApplicable, Pass, Severity, Unknown, UnknownValueError, Verdict

__all__ = [
    "UNKNOWN",
    "Asset",
    "Control",
    "Fail",
    "Level",
    "NotApplicable",
    "Pass",
    "ProfileError",
    "Resource",
    "ResourceReference",
    "Severity",
    "Stack",
    "Unknown",
    "UnknownValueError",
    "Verdict",
    "control",
    "discover",
    "read_profile",
    "serve",
    "stack_control",
    "validate_profile",
]
