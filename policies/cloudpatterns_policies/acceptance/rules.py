"""Which rules of AWS's validator are judged, how strictly, and to which family of findings each belongs."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

VALUE: Final = "value"
"""Family: one property's value, type, enum, pattern, length or range; a required or unknown property."""

COMBINATION: Final = "combination"
"""Family: several properties of one resource, which do not go together or need each other."""

REFERENCE: Final = "reference"
"""Family: several resources."""

RULES_OFF: Final[Mapping[str, str]] = {
    # Templates rather than resources.
    r"F0\d+|F1101": "about the sections and limits of a template, which nothing here is deployed from",
    r"[EIW]00\d+|[EIW]1002|E1005|I1003|F1004": "about a template's size, transforms and description",
    r"[EFIW]20(0[1-3]|1[0-5])": "about parameters, which a Pulumi program has none of",
    r"[EFIW]6\d+": "about outputs: Pulumi's do not pass through CloudFormation",
    r"[EFIW]7\d+": "about mappings",
    r"[EFIW]8\d+": "about conditions and rules of a template",
    r"W1001|W1019|W1028|W2502|W2503|W9053|E9106": "about conditions of a template",
    r"E3010|F3007|I3012|E3038|E5001": "about limits, names and modules of a template",
    r"E3016|E3055|F3016|I3011|W3011": "about deletion, update and creation policies: Pulumi has protect and retainOnDelete",
    r"E3005|W3005": "about DependsOn: Pulumi's engine orders resources itself",
    r"I4010|W401[12]": "about metadata that describes a template",
    r"I9003|W9012|W9052": "about the run itself; an incomplete one is reported as a gap",
    r"pf-cfn-(custom|export|importvalue|param)-.*": "about exports, parameters and custom resources of a template",
    r"W3002": "about the command that packages a template",
    # Functions of templates: the translation writes references only, and text that looks like a function is meant as it stands.
    r"E10[1-3]\d|F1012|F1018|F1030|F1031|F1032|F1050|E9101": "about functions that the translation does not write",
    r"E105\d|W105[134]": "about dynamic references and pseudo parameters in text: here it is text",
    r"F1010|F1020|E9004": "about references to what is not there: Pulumi's references always are",
    r"E9003|W9003": "about types that CloudFormation or the provider converts",
    r"W103\d|W1020|W110\d|W9006|I1022": "about the style of functions",
    r"F3004": "about circular references: Pulumi's graph has none, and what is one resource in CloudFormation may be three here",
    r"E104[01]": "about the attribute that a reference takes, which the translation chooses",
    r"E3050": "about Ref to an IAM role, which gives its name in CloudFormation; the provider takes the ARN",
    r"pf-sfn-express-unsupported": "its pattern takes the last letter of most functions' names for .sync",
    # Where a literal is meant in a Pulumi program.
    r"I3042|W9002|W9013": "about ARNs and accounts in literal form, which are settings of a Pulumi program",
    r"W3010|W2506|W9010": "about literal availability zones and images, which are settings of a Pulumi program",
    r"I9040": "about missing tags: a control of the pack operations",
    r"I9001": "about properties whose change replaces the resource: Pulumi's preview shows it",
    r"W9054": "about outputs of properties that AWS does not return",
    # Repeats of our own controls, or opinions.
    r"W2508|W9008|W9011|W3045|W2512": "repeats controls of the pack security",
    r"W3687": "about ports beside a protocol that has none: the provider demands them in a rule of a security group",
    r"W1011|W2501|W2509": "about passwords in parameters: Pulumi has secrets",
    r"I3510|W3037": "about actions and resources of IAM statements: control iam-statement-effective",
    r"I3013|I3100|I2530": "about defaults and generations that AWS accepts: controls of the pack operations",
    r"I3037": "about lists with duplicates that AWS accepts",
    r"F3006": "about the types that CloudFormation has in a region: the provider needs the service's API alone",
    r"W2530": "about versions of functions, which the provider publishes itself",
    # What the provider does otherwise than CloudFormation, and what AWS documents otherwise.
    r"pf-elbv2-lb-attr-key-lb-type": "about attributes of another type of load balancer, which the provider does not send",
    r"pf-elbv2-listener-action-order-required": "the provider numbers the actions of a listener",
    r"pf-cloudfront-origin-config-required": "the provider makes an origin without a configuration a bucket",
    r"pf-s3-bucket-namespace-account-regional-name": "about names that CloudFormation derives: the provider sends the whole name",
    r"pf-iot-certificate-mode-combo": "about what CloudFormation can register: the provider has AWS create keys and certificate as well",
    r"pf-apigwv2-request-parameter-action": "AWS documents overwrite:path, which the rule does not take",
    r"pf-apigw(v2)?-stage-name-charset": "AWS documents hyphens in the names of stages, which the rule does not take",
    r"pf-lambda-layer-compatible-runtimes-enum": "its list lacks python3.14 and nodejs24.x, which AWS documents; the schema's has them",
}
"""Rules that are not judged: a regular expression that matches whole ids, and the reason."""

REFUSED_DESPITE_SEVERITY: Final[Mapping[str, str]] = {
    "W3030": "a value outside an enum is refused by AWS; the validator only warns, since lists of versions and types grow",
    "W2533": "Lambda refuses a .zip function without Handler or Runtime",
}
"""Rules that the validator gives as warnings and that AWS refuses, with the reason."""

ADVISED_DESPITE_SEVERITY: Final[Mapping[str, str]] = {
    r"E36(17|2[018]|35|4[0-4]|5[23]|67|70|75|94)|E3025|E3062": "AWS adds instance types to regions every few weeks",
    r"pf-events-pattern-or-exclusive": "AWS documents $or beside other keys in the library that EventBridge matches with (aws/event-ruler)",
}
"""Rules that the validator gives as errors and that stay advice, as in `RULES_OFF`."""

MESSAGES_OFF: Final[Mapping[str, str]] = {
    r"^AttributeDefinitions does not match KeySchema attributes\. unused": "repeats the control table-attributes-used",
    "^Unknown resource type": "the table of types is newer than the validator",
    "--xa-s3' does not match": "the access point of a directory bucket, which is another type in CloudFormation, with other names",
    "'StorageClassAnalysis' is a required property": "the provider sends an empty one",
    "'ProvisionedThroughput' is a required property": "E3639 says it, and does not take a billing mode that there is not for PROVISIONED",
    r"\b(DesiredCapacity|MaxSize|MinSize) -1\b": "the provider does not send a size of -1, which leaves that of the group as it is",
    "TXT record value .* must be enclosed in double quotes": "the provider encloses them",
    r"(Error|Cause)Path 'States\.\w+\(.*' is not a JSONPath": "a state Fail takes an intrinsic function there that returns text",
}
"""Messages that are never told: a regular expression that is found in them, and the reason."""

TOLD_BY_RULES: Final[Mapping[str, tuple[str, str]]] = {
    "E3639": ("pf-dynamodb-billing-throughput", "knows the default of the billing mode as well"),
    "pf-lambda-esm-batchsize-window": (
        "E3705|pf-lambda-esm-fifo-batch-size-max",
        "do not advise a window, which a FIFO queue does not take",
    ),
}
"""Rules that are not told of a resource of which one of others is: the others' ids, and what they do better."""

TOLD_BY_CONTROLS: Final[Mapping[str, tuple[str, str]]] = {
    "E3505": ("queue-visibility", "names the function as well as the queue"),
    "E3705|pf-lambda-esm-fifo-batch-size-max|pf-lambda-esm-fifo-batching-window": (
        "fifo-batch",
        "says what to do about batch and window at once",
    ),
}
"""Rules that a control of the pack tells: the control's id, and what it does better."""

ANY: Final = "any value"
"""In ``RULES_UNLESS``, whatever the property has."""
_NOT_STICKY: Final = {"Key": "stickiness.enabled", "Value": "false"}

RULES_UNLESS: Final[Mapping[str, tuple[str, Any, str]]] = {
    "W3030": ("LogGroupClass", "DELIVERY", "a log group of this class keeps events for two days, whatever is asked for"),
    "pf-ec2-natgw-allocation": ("AvailabilityMode", "regional", "a regional NAT gateway allocates addresses itself"),
    "pf-lambda-esm-bisect-batch-stream-only": ("Topics", ANY, "AWS documents bisection for sources of Kafka with provisioned pollers"),
    "pf-lambda-esm-sqs-minimum-pollers-min": ("Topics", ANY, "one poller is enough for Kafka; SQS takes two or more"),
    "pf-elbv2-stickiness-type-protocol": ("TargetGroupAttributes", _NOT_STICKY, "the type is of no account while stickiness is off"),
}
"""Rules that do not hold of a resource of which a property has, or holds, a value: the property, the value, and the reason."""

GROWING: Final = re.compile(
    r".*(Runtimes?|Engine|Version|(Instance|Node)(Type|Class)(es|s)?|Region|SslPolicy|SecurityPolicy|StorageType|Family)", re.IGNORECASE
)
"""Properties whose enums AWS extends every few weeks: a value that the validator does not know stays advice."""

_FAMILIES: Final[Mapping[str, str]] = {
    r"F3014|F3017|F3018|F302[01]|F3058|E9006": COMBINATION,  # the schemas' oneOf, anyOf and dependencies
    r"E3026|E3029|E3039|E304[1245678]|E3052|E3053|E3057|E306[12]|E35(01|04)": COMBINATION,
    r"E36(36|39|60|7[1679]|85|87|89)|E3(70[0-6]|715|717|719)|E2530|E3025": COMBINATION,
    r"E9002|I3049|I9002|W2530|W2533|W36(63|64|71|8[789]|9[348])|W3660": COMBINATION,
    r"E2529|E3019|E3022|E3054|E3059|E3060|E350[25]|E369[89]|E370[78]|W3049": REFERENCE,
}

_COMBINES: Final = re.compile(
    r".*-(both|combo|conflicts?|excludes|exclusive|forbids|incompatible|mismatch|mix|needs?|only|order|overlap|pair|requires?"
    r"|unsupported|vs|when|with|without|xor)(-.*)?"
)
_COMBINES_TITLE: Final = re.compile(
    r"\b(needs?|requires?|only (on|for|with|valid|allowed|in|by)|exclusive|both|either|neither|without|unless|together|excludes?"
    r"|not (allowed|supported|available)|combined|exactly one|belongs?|smaller than|larger than|match(es)?|same|on (Fargate|the EC2)"
    r"|goes? with)\b"
)
_COMMENT: Final = re.compile(r"^\s*#.*$", re.MULTILINE)
_BODY: Final = re.compile(r"\n(?=[^\s}])")
_LOOP: Final = re.compile(r"some (\w+) in resources_of_type")
_TYPE: Final = re.compile(r'resources_of_type\("([\w:]+)"\)')


@cache
def why_off(rule: str) -> str:
    """The reason why a rule is not judged; empty for one that is."""
    return next((reason for pattern, reason in RULES_OFF.items() if re.fullmatch(pattern, rule)), "")


@cache
def is_advice(rule: str) -> bool:
    """Whether a rule is advice though the validator calls it an error."""
    return any(re.fullmatch(pattern, rule) for pattern in ADVISED_DESPITE_SEVERITY)


def is_off(message: str) -> bool:
    """Whether a message is never told."""
    return any(re.search(pattern, message) for pattern in MESSAGES_OFF)


@cache
def is_told_by_control(rule: str) -> bool:
    """Whether a control of the pack tells what a rule finds."""
    return any(re.fullmatch(pattern, rule) for pattern in TOLD_BY_CONTROLS)


@cache
def family(rule: str, title: str = "") -> str:
    """The family of a rule of AWS's validator, or by its id and `title` of another's rule about one resource."""
    if rule.startswith("pf-"):
        return COMBINATION if _COMBINES.fullmatch(rule) or _COMBINES_TITLE.search(title) else VALUE
    return next((found for pattern, found in _FAMILIES.items() if re.fullmatch(pattern, rule)), VALUE)


def rego_family(rule: str, title: str, source: str) -> str:
    """The family of a rule in Rego: one whose source looks at two resources in one condition is about references."""
    for body in _BODY.split(_COMMENT.sub("", source)):
        if len(set(_LOOP.findall(body))) > 1 or len(set(_TYPE.findall(body))) > 1:
            return REFERENCE
    return family(rule, title)
