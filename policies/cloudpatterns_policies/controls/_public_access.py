"""Whether a resource's policy allows everyone. AWS's own definition: a policy is public unless it is restricted to fixed values.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
Every control of a document that names principals uses this evaluation.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from cloudpatterns_policies.controls._document_places import DOCUMENTS, Kind
from cloudpatterns_policies.controls._documents import UNKNOWN_PART, Statement, is_every_action, matches, read_document
from cloudpatterns_policies.core import Fail, NotApplicable, Resource, Unknown, Verdict
from cloudpatterns_policies.graph.reading import some

# Conditions that name the caller, or on whose behalf. `aws:SourceOwner` is what SNS's own default policy has. `kms:ViaService` and
# `aws:CalledVia` are not among them: they name only the service in between, which every account uses.
_CALLER: Final = re.compile(
    r"aws:principal(account|orgid|orgpaths|arn|servicename|servicenameslist)|aws:source(account|arn|owner|orgid|orgpaths|vpc|vpcarn|vpce)"
    r"|aws:vpce(account|orgid|orgpaths)|aws:(userid|ec2instancesourcevpc)|kms:calleraccount|s3:dataaccesspoint(account|arn)"
    r"|(ec2|ssm):sourceinstancearn|lambda:sourcefunctionarn|vpc-lattice-svcs:sourcevpc(owneraccount)?"
)
_ADDRESS: Final = re.compile(r"aws:sourceip")
# Conditions that are true for a part of all callers only: AWS's services, and clients in the VPC of a mount target, where security groups
# decide.
_FLAG: Final = re.compile(r"aws:principalisawsservice|elasticfilesystem:accessedviamounttarget")

# Operators that are true only when the key exists and has a listed value, and those that are true for every other value and for none.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
_POSITIVE: Final = re.compile(r"(foranyvalue:)?(string(equals(ignorecase)?|like)|arn(equals|like)|ipaddress)")
_NEGATIVE: Final = re.compile(r"(forallvalues:)?(stringnot(equals(ignorecase)?|like)|arnnot(equals|like)|notipaddress)(ifexists)?")
_TRUE_WITHOUT_KEY: Final = re.compile(r"forallvalues:|ifexists$")

# The account of the resource itself, and its organization: nobody else has them.
_OWN: Final = {"${aws:resourceaccount}": "000000000000", "${aws:resourceorgid}": "o-0000000000"}
_FIXED_ACCOUNT: Final = re.compile(r"arn:[^:]*:[^:]*:[^:]*:\d{12}:.*|o-[a-z0-9]{10,32}/.*|[A-Z]{21}:.*")
_WILD: Final = re.compile(r"[*?]|\$\{")
_WIDEST: Final = {4: 8, 6: 32}
"""The shortest prefix of a public network that still counts as fixed, by version of IP."""
# The two spellings of a REST API's own resources.
_OF_AN_API: Final = re.compile(r"arn:[^:]*:execute-api:[^:]*:[^:]*:[^/]*/")

Answer = bool | None
"""Whether something holds; None when an unknown part decides."""


def public_statements(document: Sequence[Statement]) -> Iterator[tuple[Statement, bool]]:
    """Statements that allow something to everyone, and whether that is certain: an unknown part may name the caller."""
    closing = [statement for statement in document if not statement.allow or not statement.certain]
    for statement in document:
        named = [name for _, name in (*statement.principals, *statement.not_principals)]
        if not statement.allow or not (statement.allows_everyone or UNKNOWN_PART in named):
            continue
        safe = [confined(statement), *(_closes(deny, statement) for deny in closing if deny is not statement)]
        if True not in safe:
            yield statement, None not in safe and statement.certain and statement.allows_everyone


def confined(statement: Statement) -> Answer:
    """Whether a condition restricts the statement to fixed callers, sources or networks."""
    present = {key for operator, key, values in statement.conditions if operator == "null" and values == ("false",)}
    answers = []
    for operator, key, values in statement.conditions:
        if key in present:
            operator = _TRUE_WITHOUT_KEY.sub("", operator)
        answers.append(_restricts(operator, key, values, _POSITIVE, "true"))
    return _any(answers)


def _restricts(operator: str, key: str, values: Sequence[str], operators: re.Pattern[str], flag: str) -> Answer:
    """Whether a condition speaks of fixed callers, with one of some operators; a flag has the value that excludes everyone else."""
    if UNKNOWN_PART in (operator, key):
        return None
    is_right: Callable[[str], bool]
    if _FLAG.fullmatch(key):
        wanted, is_right = re.compile(r"bool" if flag == "true" else r"bool(ifexists)?"), flag.__eq__
    elif _CALLER.fullmatch(key):
        wanted, is_right = operators, is_fixed
    elif _ADDRESS.fullmatch(key):
        wanted, is_right = operators, _is_narrow
    else:
        return False
    # What an empty list means AWS does not say: it confines nothing here.
    if not values or not wanted.fullmatch(operator) or not all(is_right(value) for value in values if value != UNKNOWN_PART):
        return False
    return None if UNKNOWN_PART in values else True


def is_fixed(value: str) -> bool:
    """Whether a value is fixed: it has no wildcard or variable, or only after a named account or organisation."""
    for variable, own in _OWN.items() if "${" in value else ():
        value = re.sub(re.escape(variable), own, value, flags=re.IGNORECASE)
    return bool(value) and (_WILD.search(value) is None or ("${" not in value and _FIXED_ACCOUNT.fullmatch(value) is not None))


def _is_narrow(value: str) -> bool:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return network.is_private or network.prefixlen >= _WIDEST[network.version]


def _closes(deny: Statement, allow: Statement) -> Answer:
    """Whether `deny` surely refuses what `allow` allows to everyone, but to fixed callers."""
    answers = [_denies_everyone(deny), _denies_actions(deny, allow), _denies_resources(deny, allow)]
    answers += [_restricts(*condition, _NEGATIVE, "false") for condition in deny.conditions]
    if False in answers:
        return False
    return None if None in answers or not deny.certain else True


def _denies_everyone(deny: Statement) -> Answer:
    if deny.not_principals:
        return _all((None if name == UNKNOWN_PART else is_fixed(name)) for _, name in deny.not_principals)
    if ("AWS", "*") in deny.principals:
        return True
    return None if any(name == UNKNOWN_PART for _, name in deny.principals) else False


def _denies_actions(deny: Statement, allow: Statement) -> Answer:
    if any(is_every_action(action) for action in deny.actions):
        return True
    if allow.not_actions or deny.not_actions:
        # Equal lists leave out the same; else the result would have to be worked out action by action.
        return bool(deny.not_actions) and {text.lower() for text in deny.not_actions} <= {text.lower() for text in allow.not_actions}
    return _all(_matched(deny.actions, action) for action in allow.actions)


def _denies_resources(deny: Statement, allow: Statement) -> Answer:
    if "*" in deny.resources or not (deny.resources or deny.not_resources):
        return True
    if deny.not_resources or allow.not_resources or not allow.resources:
        return False
    names = [_OF_AN_API.sub("execute-api:/", resource) for resource in deny.resources]
    return _all(_matched(names, _OF_AN_API.sub("execute-api:/", resource)) for resource in allow.resources)


def _matched(patterns: Iterable[str], text: str) -> Answer:
    """Whether one of the patterns matches; a text with wildcards is matched only by a pattern that covers them."""
    return _any(None if UNKNOWN_PART in (pattern, text) else matches(pattern, text) for pattern in patterns)


def _any(answers: Iterable[Answer]) -> Answer:
    found = set(answers)
    return True if True in found else None if None in found else False


def _all(answers: Iterable[Answer]) -> Answer:
    found = set(answers)
    return False if False in found else None if None in found else True


def not_public(resource: Resource, *, default: str = "", harmless: Sequence[str] = ()) -> Iterator[Verdict]:
    """What is wrong with the documents of a resource that name principals: one failure for each statement that allows everyone.

    `default` says what applies without a document. `harmless` are actions that everyone may be allowed.
    """
    paths = [path for path, kind in DOCUMENTS[resource.type].items() if kind is not Kind.IDENTITY]
    held = [path for path in paths if resource.is_unknown(path) or resource.get(path) not in (None, "")]
    if not held:
        yield NotApplicable(f"sets no policy here{default and f'; {default}'}")
    for path in held:
        yield from public_document(resource, path, harmless)


def public_document(resource: Resource, path: str, harmless: Sequence[str] = ()) -> Iterator[Verdict]:
    """One failure for each statement of the document at `path` that allows everyone."""
    document = read_document(resource, path, partly=True)
    if isinstance(document, Unknown | Fail):
        yield document
        return
    for statement, certain in public_statements(document):
        actions = [action for action in statement.actions if not any(matches(pattern, action) for pattern in harmless)]
        if harmless and not actions and not statement.not_actions:
            continue
        if certain and not (harmless and set(actions) == {UNKNOWN_PART}):
            yield Fail(f"allows {_named(statement, actions)} in {statement.label}", path)
        else:
            yield Unknown(_unknown_part(resource, path, document.index(statement)))


def _named(statement: Statement, actions: Sequence[str]) -> str:
    """What a statement allows, and to whom."""
    known = [action for action in actions if action != UNKNOWN_PART]
    what = f"everything but {some(statement.not_actions, 3)}" if statement.not_actions else some(known, 3) or "access"
    if statement.not_principals:
        return f"{what} to everyone but {some([name for _, name in statement.not_principals])} (NotPrincipal)"
    return f"{what} to everyone (Principal *)"


def _unknown_part(resource: Resource, path: str, index: int) -> str:
    """The first unknown value of a statement; when an unknown part of another one decides, the first of the document."""
    found = resource.unknown_paths(path)
    own = [each for each in found if re.match(rf"(?i)statement(\.{index}(\.|$)|\.[^\d]|$)", each.removeprefix(f"{path}."))]
    return (own or found or [path])[0]
