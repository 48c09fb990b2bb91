"""How a component is made: declared arguments, rules over them, the base class, ordering, IAM documents."""

from cloudpatterns.core.arguments import ArgumentError, Arguments, Problem, declared, pick
from cloudpatterns.core.component import Component
from cloudpatterns.core.iam import Statement, assume_role, document
from cloudpatterns.core.identity import account_of, partition_of, region_of
from cloudpatterns.core.limits import HIDDEN, Choice, CidrBlock, Keys, Matches, Unique
from cloudpatterns.core.ordering import ByName, after, by_name
from cloudpatterns.core.place import region_of_zone
from cloudpatterns.core.retry import RetrySettings
from cloudpatterns.core.rules import excludes, is_given, needs, one_of, unknown

__all__ = [
    "HIDDEN",
    "ArgumentError",
    "Arguments",
    "ByName",
    "Choice",
    "CidrBlock",
    "Component",
    "Keys",
    "Matches",
    "Problem",
    "RetrySettings",
    "Statement",
    "Unique",
    "account_of",
    "after",
    "assume_role",
    "by_name",
    "declared",
    "document",
    "excludes",
    "is_given",
    "needs",
    "one_of",
    "partition_of",
    "pick",
    "region_of",
    "region_of_zone",
    "unknown",
]
