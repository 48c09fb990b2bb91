"""What a control is made of, and what runs it.

A control is metadata plus one pure function that returns `Pass()`, `Fail(message, where)`, `Unknown(path)` or `NotApplicable(reason)`; see
`control` and `stack_control`. `serve` runs controls as a CrossGuard policy pack; `as_policies` (in `core.adapter`) turns them into plain
`pulumi_policy` policies.
"""

from cloudpatterns_policies.core.control import Control, control, stack_control
from cloudpatterns_policies.core.registry import discover
from cloudpatterns_policies.core.resource import Resource
from cloudpatterns_policies.core.stack import Stack
from cloudpatterns_policies.core.values import UNKNOWN, Asset, ResourceReference
from cloudpatterns_policies.core.verdicts import Fail, NotApplicable, Pass, Severity, Unknown, UnknownValueError, Verdict

__all__ = [
    "UNKNOWN",
    "Asset",
    "Control",
    "Fail",
    "NotApplicable",
    "Pass",
    "Resource",
    "ResourceReference",
    "Severity",
    "Stack",
    "Unknown",
    "UnknownValueError",
    "Verdict",
    "control",
    "discover",
    "stack_control",
]
