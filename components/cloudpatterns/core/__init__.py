"""How a component is made: declared arguments, rules over them, the base class, ordering, IAM documents."""

from cloudpatterns.core.arguments import ArgumentError, Arguments, Problem, declared, pick
from cloudpatterns.core.component import Component, part_problems
from cloudpatterns.core.functions import ExistingFunction, FunctionOptions, function_problems
from cloudpatterns.core.iam import Statement, assume_role, document
from cloudpatterns.core.identity import account_of, name_of, partition_of, region_of, unqualified
from cloudpatterns.core.limits import HIDDEN, Choice, CidrBlock, Keys, Matches, Unique
from cloudpatterns.core.ordering import ByName, Later, after, by_name, later, origin
from cloudpatterns.core.place import in_region, region_of_zone
from cloudpatterns.core.queues import ExistingQueue, QueueSender
from cloudpatterns.core.retry import RetrySettings
from cloudpatterns.core.rules import excludes, is_given, needs, one_of, unknown
from cloudpatterns.core.secret_text import looks_secret
from cloudpatterns.core.statements import WorkloadStatementArgs, as_arguments, iam_statement, statement_problems
from cloudpatterns.core.tables import TableIndexArgs, TableKeyArgs, table_problems, table_schema

__all__ = [
    "HIDDEN",
    "ArgumentError",
    "Arguments",
    "ByName",
    "Choice",
    "CidrBlock",
    "Component",
    "ExistingFunction",
    "ExistingQueue",
    "FunctionOptions",
    "Keys",
    "Later",
    "Matches",
    "Problem",
    "QueueSender",
    "RetrySettings",
    "Statement",
    "TableIndexArgs",
    "TableKeyArgs",
    "Unique",
    "WorkloadStatementArgs",
    "account_of",
    "after",
    "as_arguments",
    "assume_role",
    "by_name",
    "declared",
    "document",
    "excludes",
    "function_problems",
    "iam_statement",
    "in_region",
    "is_given",
    "later",
    "looks_secret",
    "name_of",
    "needs",
    "one_of",
    "origin",
    "part_problems",
    "partition_of",
    "pick",
    "region_of",
    "region_of_zone",
    "statement_problems",
    "table_problems",
    "table_schema",
    "unknown",
    "unqualified",
]
