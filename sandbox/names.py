"""Names that the provider generates, and ids that AWS generates."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from offline_preview import outputs
from offline_preview.provider_facts import DEFAULTS, naming_of
from pulumi.runtime.proto import provider_pb2

from sandbox import facts
from sandbox.properties import Failure, shape_of

_RANDOM_CHARACTERS = 7
_Options = provider_pb2.CheckRequest.AutonamingOptions


def named(
    request: provider_pb2.CheckRequest, token: str, news: Mapping[str, Any], olds: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Failure]]:
    """The inputs with a generated name, if the resource needs one and the program sets none; an earlier generated name stays."""
    naming = naming_of(_kind(token))
    shape = shape_of(token)
    inputs = dict(news)
    prefixes = (f"{naming.property}Prefix", "namePrefix")
    if shape is None or naming.property not in shape.kinds or naming.property in shape.required:
        return inputs, []
    if inputs.get(naming.property) is not None or any(inputs.get(prefix) is not None for prefix in prefixes):
        return inputs, []
    asked = request.autonaming if request.HasField("autonaming") else None
    if asked is not None and asked.mode == _Options.DISABLE:
        return inputs, [Failure(naming.property, "is required: auto-naming is disabled")]
    if naming.property in olds.get(DEFAULTS, []):
        name = olds[naming.property]
    elif asked is not None and asked.proposed_name:
        name = asked.proposed_name
    else:
        seed = request.randomSeed or secrets.token_bytes(32)
        name = f"{_name(request)}-{hashlib.sha256(seed).hexdigest()[:_RANDOM_CHARACTERS]}"
    name = name.lower() if naming.lower else name
    if len(name) > naming.longest:
        given = f"{_name(request)!r} and {_RANDOM_CHARACTERS + 1} characters more"
        return inputs, [Failure(naming.property, f"would be {name!r}, generated from {given}; the maximum is {naming.longest} characters")]
    return {**inputs, naming.property: name, DEFAULTS: [naming.property]}, []


def made(token: str, name: str, inputs: Mapping[str, Any], region: str) -> tuple[str, dict[str, Any]]:
    """The id and the outputs of a new resource. They differ every time, unless AWS identifies the resource by a key."""
    kind = _kind(token)
    keys = [str(inputs.get(key)) for key in facts.PUTS.get(kind, ())]
    salt = ":".join(keys) if keys else secrets.token_hex(16)
    plain = {key: value for key, value in inputs.items() if key != DEFAULTS}
    identity, found = outputs.invented(token, name, f"{kind}|{salt}", plain, region)
    known = {key: value for key, value in found.items() if value is not outputs.UNKNOWN}
    if keys and not any(identity.startswith(f"{prefix}-") for prefix in ("sg",)):
        identity = salt
    if parts := facts.IDS.get(kind):
        identity = "_".join(str(inputs[part]) for part in parts if inputs.get(part) is not None)
    return identity, {**known, "id": identity}


def _kind(token: str) -> str:
    return token.partition(":")[2]


def _name(request: provider_pb2.CheckRequest) -> str:
    return request.urn.rpartition("::")[2]
