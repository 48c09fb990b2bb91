"""Writes docs/resource-policies.md: ``python -m tests.policies.open_documents``. It says which control judges whether a document is open.

The controls are found by running them on an open document. The properties are those of the pinned pulumi-aws: every text that is called a
policy is in the table of documents, or in one of the lists here.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pulumi_aws
from cloudpatterns_policies.controls._document_places import DOCUMENTS, Kind
from cloudpatterns_policies.core import Control, Fail, Resource, discover

from tests.policies.helpers import resource, stack, verdicts
from tests.program import ROOT

PAGE = ROOT / "docs" / "resource-policies.md"
SDK: Final = Path(pulumi_aws.__file__).parent

GRANTS_NOTHING: Final[Mapping[str, str]] = {
    "aws:ec2/vpcEndpoint:VpcEndpoint": "limits what passes the endpoint; a policy for everyone is AWS's default",
    "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy": "limits what passes the endpoint; a policy for everyone is AWS's default",
    "aws:odb/network:Network": "limits what passes the endpoints of the network",
    "aws:iot/policy:Policy": "names no principals: it is attached to certificates and identities",
    "aws:organizations/policy:Policy": "limits what the accounts of an organization may do",
}
"""Types with documents of the kind "resource" that give nobody access, and why."""

OTHER_LANGUAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "the name of a predefined policy or a mode": (
        *("*.alpnPolicy", "*.autoImportPolicy", "*.dataDeletionPolicy", "*.defaultPolicy", "*.deletePropagationPolicy"),
        *("*.dnsRecordClientRoutingPolicy", "*.excessCapacityTerminationPolicy", "*.gameServerProtectionPolicy"),
        *("*.newGameSessionProtectionPolicy", "*.securityPolicy", "*.snapshotPolicy", "*.sslPolicy", "*.tlsPolicy"),
        *("*.userContextPolicy", "*.webAppEndpointPolicy", "ses/receiptFilter.policy", "iot/policyAttachment.policy"),
    ),
    "rules of lifecycle, delivery, scaling, routing or configuration, without principals": (
        *("*.archivePolicy", "*.autoscalingPolicy", "*.browserPolicy", "*.deliveryPolicy", "*.filterPolicy", "*.lifecyclePolicy"),
        *("*.notificationPolicy", "*.policyText", "*.redriveAllowPolicy", "*.redrivePolicy", "*.replayPolicy", "*.basePolicyDocument"),
        *("cloudformation/stack.policyBody", "cloudwatch/logAccountPolicy.policyDocument", "cloudwatch/logIndexPolicy.policyDocument"),
        *("cloudwatch/logDataProtectionPolicy.policyDocument", "ecr/lifecyclePolicy.policy", "sns/dataProtectionPolicy.policy"),
        *("networkmanager/coreNetworkPolicyAttachment.policyDocument", "opensearch/serverlessLifecyclePolicy.policy"),
    ),
    "Cedar, of Verified Access": ("verifiedaccess/endpoint.policyDocument", "verifiedaccess/group.policyDocument"),
    "the language of OpenSearch Serverless: its principals are roles and users of the account; `search-collection-private` judges its "
    "network policies": ("opensearch/serverlessAccessPolicy.policy", "opensearch/serverlessSecurityPolicy.policy"),
}
"""Properties that are called a policy and are no IAM documents, by what they are; `*` is every type."""

WITHOUT_A_DOCUMENT: Final[Mapping[str, str]] = {
    "aws:cloudwatch/eventPermission:EventPermission": "principal",
    "aws:lambda/permission:Permission": "principal",
    "aws:lambda/layerVersionPermission:LayerVersionPermission": "principal",
}
"""Types that grant access by single properties instead of a document, and the property that may be `*`."""

INTRODUCTION: Final = (
    "Written by `python -m tests.policies.open_documents` from the controls and the pinned `pulumi-aws`: change those. A test",
    "compares the tables with the SDK, and runs each control on a document that is open to everyone.",
    "",
    "A statement is open when it allows, its principal is `*` (or it has `NotPrincipal`), no condition surely confines it, and no `Deny`",
    "closes it again. A condition confines by fixed callers, accounts, organizations, sources, VPCs, VPC endpoints or networks, with an",
    "operator that is false when the key is missing. These do not: `StringNotEquals`, `...IfExists` and `ForAllValues` (unless `Null`",
    "requires the key), `*`, an ARN with a wildcard before its account, `0.0.0.0/0` and its halves. What is known only after deployment",
    "gives no verdict where it decides.",
)

_NAME: Final = re.compile(r"(?:.*[a-z0-9])?[pP]olic(?:y|ies)(?:Document|Body|Text)?")
_PROPERTY: Final = re.compile(
    r'@pulumi\.getter(?:\(name="(\w+)"\))?\n(?:\s+@[^\n]*\n)*\s+def (\w+)\(self\) -> ([^\n]+):\n(?:\s+"""(.*?)""")?', re.DOTALL
)
_TOKEN: Final = re.compile(r"__self__\)\.__init__\(\s*'(aws:[^']+)'")
_OPEN: Final = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}


@cache
def called_policies() -> frozenset[tuple[str, str]]:
    """Resource types of the SDK and their texts that are called a policy, or `content` that is one."""
    found = set()
    for file in SDK.glob("*/*.py"):
        source = file.read_text(encoding="utf-8")
        token = _TOKEN.search(source)
        if token is not None and "@pulumi.input_type\nclass " in source:
            arguments = source.partition("@pulumi.input_type\nclass ")[2].partition("\n@pulumi.")[0]
            found |= {(token[1], name) for name in _policies(arguments)}
    return frozenset(found)


def _policies(source: str) -> Iterator[str]:
    for match in _PROPERTY.finditer(source):
        name, kind, text = match[1] or match[2], match[3], match[4] or ""
        is_text = re.search(r"\bstr\b", kind) and not re.search(r"Sequence|Mapping", kind)
        is_policy = _NAME.fullmatch(name) or (name == "content" and re.search(r"\bpolicy\b", text))
        if is_text and is_policy:
            yield name


def nested_policies() -> set[tuple[str, str]]:
    """Modules of the SDK and their nested types with a text that is called `policy`."""
    found = set()
    for file in SDK.glob("*/_inputs.py"):
        for part in file.read_text(encoding="utf-8").split("\n@pulumi.input_type\n")[1:]:
            if any(name in ("policy", "policyDocument") for name in _policies(part)):
                found.add((file.parent.name, part.removeprefix("class ").partition(":")[0]))
    return found


def other_language(token: str, name: str) -> bool:
    """Whether a property is in one of the lists of documents that are no IAM documents."""
    short = f"{token.split(':')[1]}.{name}"
    return any(short in items or f"*.{name}" in items for items in OTHER_LANGUAGES.values())


def open_document(token: str, path: str, document: Any = None) -> Resource:
    """A resource with a document that allows everyone."""
    value: Any = _OPEN if document is None else document
    for part in reversed(path.split(".")):
        value = {part: value}
    private = {"endpointConfiguration": {"types": ["PRIVATE"]}} if token.startswith("aws:apigateway/") else {}
    deps = {"restApiId": ["api"]} if token.endswith(":RestApiPolicy") else {}
    return resource(token, "open", {**value, **private}, deps=deps)


def judges(token: str, path: str) -> list[Control]:
    """The controls that find a document open to everyone."""
    return [
        control
        for control in discover()
        if token in control.types
        and any(verdict.where == path and "everyone" in verdict.message for verdict in failures(control, open_document(token, path)))
    ]


def failures(control: Control, one: Resource) -> list[Fail]:
    """What a control finds wrong with a resource; the policy of an API is that of a private one."""
    api = resource("aws:apigateway/restApi:RestApi", "api", {"endpointConfiguration": {"types": ["PRIVATE"]}})
    found = [verdict for _, verdict in verdicts(control, stack(one, api))] if control.kind == "stack" else verdicts(control, one)
    return [verdict for verdict in found if isinstance(verdict, Fail)]


def documents() -> Iterator[tuple[str, str, Kind]]:
    """Every type with its documents."""
    for token in sorted(DOCUMENTS):
        yield from ((token, path, kind) for path, kind in sorted(DOCUMENTS[token].items()))


def page() -> str:
    """The page, as Markdown."""
    rows = [
        (token, path, judges(token, path)) for token, path, kind in documents() if kind is not Kind.IDENTITY and token not in GRANTS_NOTHING
    ]
    judged = [f"| `{token}` | `{path}` | {_links(controls)} |" for token, path, controls in rows]
    settings = [f"| `{token}` | `{path}` | {_links(_by_setting(token, path))} |" for token, path in sorted(WITHOUT_A_DOCUMENT.items())]
    identity = [f"`{token}` (`{path}`)" for token, path, kind in documents() if kind is Kind.IDENTITY]
    languages = [f"- {what}: {', '.join(f'`{item}`' for item in items)}" for what, items in OTHER_LANGUAGES.items()]
    return "\n".join(
        (
            "# Resource policies",
            "",
            *INTRODUCTION,
            "",
            "## Documents that are judged",
            "",
            "| type | property | control |",
            "|---|---|---|",
            *judged,
            "",
            "Policies of public REST APIs are judged with their methods by [api-method-authorized](controls.md#api-method-authorized).",
            "",
            "## Access without a document",
            "",
            "| type | property | control |",
            "|---|---|---|",
            *settings,
            "",
            "## Documents that give nobody access",
            "",
            "| type | why |",
            "|---|---|",
            *(f"| `{token}` | {why} |" for token, why in sorted(GRANTS_NOTHING.items())),
            "",
            "Identity and session policies, and permissions boundaries, name no principals; the controls of",
            f"[IAM](controls.md) judge what they allow: {', '.join(identity)}.",
            "",
            "## Properties called a policy that are no IAM documents",
            "",
            *languages,
            "",
        )
    )


def _by_setting(token: str, path: str) -> list[Control]:
    open_one = resource(token, "open", {path: "*"})
    return [control for control in discover() if token in control.types and control.kind == "resource" and failures(control, open_one)]


def _links(controls: Iterable[Control]) -> str:
    return ", ".join(f"[{control.id}](controls.md#{control.id})" for control in controls)


def main(arguments: list[str]) -> int:
    """Writes the page, or with `--check` only reports whether it is out of date."""
    wanted = page()
    if PAGE.exists() and PAGE.read_text(encoding="utf-8") == wanted:
        return 0
    if "--check" in arguments:
        print(f"{PAGE}: out of date. Fix: python -m tests.policies.open_documents")
        return 1
    PAGE.write_text(wanted, encoding="utf-8")
    print(f"{PAGE}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
