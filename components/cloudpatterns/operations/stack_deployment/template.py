"""What a template of CloudFormation says about itself, as far as rules ask for it: parameters, outputs, resources, and secrets in them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from cloudpatterns.core import looks_secret

MOST_BYTES: Final = 51_200
"""Of a template in a request: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
_IAM: Final = "AWS::IAM::"
_NAMES_OF_IAM: Final = ("GroupName", "InstanceProfileName", "ManagedPolicyName", "PolicyName", "RoleName", "UserName")
_DYNAMIC: Final = "{{resolve:"


class UnreadableError(Exception):
    """A text is no template; the message says why, without the text."""


@dataclass(frozen=True)
class _Function:
    """A function of CloudFormation in its short form (``!Ref Name``), of which nothing is evaluated."""

    tag: str


class _Loader(yaml.SafeLoader):
    """YAML with the short forms of CloudFormation."""


def _function(_loader: yaml.Loader, suffix: str, _node: yaml.Node) -> _Function:
    return _Function(suffix)


_Loader.add_multi_constructor("!", _function)


@dataclass(frozen=True)
class Template:
    """A template, read."""

    parameters: Mapping[str, Mapping[str, Any]]
    """Declarations of the parameters by name."""
    outputs: Mapping[str, bool]
    """Whether an output is always there, by its name: one with a condition is not."""
    resources: Mapping[str, Mapping[str, Any]]
    """Resources by their logical id."""
    has_transform: bool

    def capabilities(self) -> Iterator[str]:
        """What CloudFormation wants acknowledged.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
        """
        of_iam = [one for one in self.resources.values() if str(one.get("Type")).startswith(_IAM)]
        named = [one for one in of_iam if any(name in _NAMES_OF_IAM for name in _own_names(one))]
        if of_iam:
            yield "CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"
        if self.has_transform:
            yield "CAPABILITY_AUTO_EXPAND"

    def secrets(self) -> Iterator[str]:
        """Places of properties that hold a secret in plain text."""
        for name, resource in self.resources.items():
            for path in _secrets(resource.get("Properties"), ()):
                yield ".".join(("Resources", name, "Properties", *path))


def read(text: str) -> Template:
    """Reads a template in JSON or YAML.

    :raises UnreadableError: for a text that is none.
    """
    document = _document(text)
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict) or not document["Resources"]:
        raise UnreadableError("has no Resources: it is the text of a template of CloudFormation, not its path. Read the file.")
    return Template(
        parameters=_objects(document.get("Parameters")),
        outputs={name: "Condition" not in one for name, one in _objects(document.get("Outputs")).items()},
        resources=_objects(document["Resources"]),
        has_transform="Transform" in document or "Fn::Transform" in text or "!Transform" in text,
    )


def is_dynamic(value: Any) -> bool:
    """Whether a value is read by CloudFormation when it deploys, from Secrets Manager or Systems Manager."""
    return isinstance(value, str) and value.strip().startswith(_DYNAMIC)


def _document(text: str) -> Any:
    try:
        # YAML takes no tabs, with which JSON may be indented.
        return json.loads(text) if text.lstrip().startswith("{") else yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UnreadableError(f"is no YAML in line {line}: {error.problem}. Correct the text.") from None
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise UnreadableError(f"is neither JSON nor YAML: {str(error).splitlines()[0]}. Correct the text.") from None


def _objects(value: Any) -> dict[str, Mapping[str, Any]]:
    return {str(name): one for name, one in value.items() if isinstance(one, dict)} if isinstance(value, dict) else {}


def _own_names(resource: Mapping[str, Any]) -> Iterator[str]:
    """Names of the properties of a resource of IAM; the name of an inline policy is none of the account."""
    properties = resource.get("Properties")
    if isinstance(properties, dict):
        yield from (name for name in properties if name != "PolicyName" or not str(resource.get("Type")).endswith("::Policy"))


def _secrets(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _secrets(inner, (*path, str(name)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _secrets(inner, (*path, str(index)))
    elif isinstance(value, str) and value and path and not is_dynamic(value) and _is_secret(path[-1], value):
        yield path


def _is_secret(name: str, value: str) -> bool:
    # SecretString is of AWS::SecretsManager::Secret.
    return name == "SecretString" or looks_secret(name, value)
