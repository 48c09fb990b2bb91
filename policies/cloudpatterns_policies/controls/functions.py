"""Lambda functions: who may invoke them, and on which runtime they run."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from cloudpatterns_policies.controls._public_access import is_fixed, not_public
from cloudpatterns_policies.core import (
    UNKNOWN,
    Fail,
    NotApplicable,
    Pass,
    Resource,
    Severity,
    Stack,
    Unknown,
    Verdict,
    control,
    stack_control,
)
from cloudpatterns_policies.graph.reading import read

_PAGE: Final = "https://docs.aws.amazon.com/securityhub/latest/userguide/lambda-controls.html"

_FUNCTION: Final = "aws:lambda/function:Function"
_PERMISSION: Final = "aws:lambda/permission:Permission"
_POLICY: Final = "aws:lambda/resourcePolicy:ResourcePolicy"
_LAYER_PERMISSION: Final = "aws:lambda/layerVersionPermission:LayerVersionPermission"
_CONFINING: Final = ("sourceAccount", "sourceArn", "principalOrgId")

# Runtimes without security updates in November 2026: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
_ENDED: Final = (
    *("dotnet5.0", "dotnet6", "dotnet7", "dotnet8", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1", "go1.x", "java8"),
    *("nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x", "nodejs16.x"),
    *("nodejs18.x", "nodejs20.x", "provided", "provided.al2", "python2.7", "python3.6", "python3.7", "python3.8", "python3.9"),
    *("python3.10", "ruby2.5", "ruby2.7", "ruby3.2"),
)


@control(
    id="lambda-not-public",
    title="Lambda functions are not open to everyone",
    severity=Severity.CRITICAL,
    types=(_PERMISSION, _POLICY),
    why="Anyone with an AWS account could run the function, with its permissions and at your cost.",
    remediation="Set principal to an account or a service, or add source_account, source_arn or principal_org_id; the same in a policy.",
    url=f"{_PAGE}#lambda-1",
    frameworks={"FSBP": ("Lambda.1",), "Checkov": ("CKV_AWS_301",)},
)
def lambda_not_public(resource: Resource) -> Iterator[Verdict]:
    if resource.type == _POLICY:
        yield from not_public(resource)
        return
    if resource.get("principal") != "*":
        return
    unknown = [path for path in _CONFINING if resource.is_unknown(path)]
    if any(is_fixed(str(resource.get(path, ""))) for path in _CONFINING if path not in unknown):
        return
    yield Unknown(unknown[0]) if unknown else Fail("may be invoked by everyone (principal *)", "principal")


@control(
    id="lambda-layer-not-public",
    title="Lambda layers are not shared with everyone",
    severity=Severity.HIGH,
    types=(_LAYER_PERMISSION,),
    why="Every AWS account could download the layer, with the code, settings and keys in it.",
    remediation='Set principal to an account, or to "*" together with organization_id.',
    url="https://docs.aws.amazon.com/lambda/latest/api/API_AddLayerVersionPermission.html",
)
def lambda_layer_not_public(resource: Resource) -> Verdict:
    if resource.get("principal") != "*" or is_fixed(str(resource.get("organizationId", ""))):
        return Pass()
    return Fail("may be used by everyone (principal *)", "principal")


@stack_control(
    id="lambda-service-permission-confined",
    title="AWS services invoke Lambda functions only for known resources",
    severity=Severity.MEDIUM,
    types=(_PERMISSION,),
    why="A service acts for every AWS customer: without a source, a bucket, topic or rule of another account may run the function.",
    remediation="Set source_arn to the ARN of the invoking resource; for S3 also source_account, because bucket ARNs contain no account.",
    url=f"{_PAGE}#lambda-1",
    frameworks={"FSBP": ("Lambda.1",), "Checkov": ("CKV_AWS_364",)},
)
def lambda_service_permission_confined(resource: Resource, stack: Stack) -> Verdict:
    principal = str(resource.get("principal"))
    if not principal.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return NotApplicable("is not for an AWS service")
    paths = ("sourceAccount",) if principal.startswith("s3.") else ("sourceAccount", "sourceArn", "principalOrgId")
    found = {path: _source(resource, stack, path) for path in paths}
    if "set" in found.values():
        return Pass()
    unknown = [path for path, state in found.items() if state == "unknown"]
    if unknown:
        return Unknown(unknown[0])
    what = "every account's buckets" if paths == ("sourceAccount",) else f"every customer of {principal.partition('.')[0]}"
    return Fail(f"may be invoked for {what}", paths[0] if len(paths) == 1 else "sourceArn")


def _source(resource: Resource, stack: Stack, path: str) -> str:
    """Whether a source is `set`, `missing` or `unknown`. An unknown value that comes from a resource of the stack is set."""
    value = read(resource, path, computed=True)
    if value is UNKNOWN:
        return "set" if stack.refs(resource, path) else "unknown"
    return "set" if isinstance(value, str) and is_fixed(value) else "missing"


@control(
    id="lambda-runtime-supported",
    title="Lambda functions run on supported runtimes",
    severity=Severity.MEDIUM,
    types=(_FUNCTION,),
    why="A deprecated runtime gets no security updates, and soon the function can no longer be updated.",
    remediation='Set runtime to a supported one, such as "python3.13", and test the function on it.',
    url=f"{_PAGE}#lambda-2",
    frameworks={"FSBP": ("Lambda.2",), "Checkov": ("CKV_AWS_363",)},
    config={
        "ended": {
            "type": "array",
            "items": {"type": "string"},
            "default": list(_ENDED),
            "description": "Runtimes that are no longer supported.",
        }
    },
)
def lambda_runtime_supported(resource: Resource, config: Mapping[str, Any]) -> Verdict:
    if resource.get("packageType", "Zip") == "Image":
        return NotApplicable("runs a container image, which contains its own runtime")
    runtime = resource.get("runtime", "")
    return Fail(f"runs on {runtime}, which is no longer supported", "runtime") if runtime in config["ended"] else Pass()


@control(
    id="lambda-url-authenticated",
    title="Lambda function URLs require authentication",
    severity=Severity.HIGH,
    types=("aws:lambda/functionUrl:FunctionUrl",),
    why="Anyone on the internet may run the function, bypassing web ACL and API Gateway.",
    remediation='Set authorization_type to "AWS_IAM", behind CloudFront with an origin access control if browsers call it.',
    url="https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
    frameworks={"Checkov": ("CKV_AWS_258",)},
)
def lambda_url_authenticated(resource: Resource) -> Verdict:
    return Pass() if resource.get("authorizationType", "NONE") == "AWS_IAM" else Fail("can be called by anyone", "authorizationType")
