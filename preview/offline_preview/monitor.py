"""The recording monitor: an object that replaces the engine for the SDK's own runtime.

It has the methods of the engine's resource monitor and of its engine service, records every registration and answers as
the engine would in a preview. It advertises exactly the features that it implements. It also does what the
engine does with a registration: inheritance of protect, retainOnDelete, deletedWith and providers, default
providers, stack-wide and per-resource transforms (pulumi/pkg/resource/deploy/source_eval.go).
"""

import sys
import threading
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final
from urllib.parse import unquote, urlparse

import grpc
import pulumi
from google.protobuf import empty_pb2
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, engine_pb2, provider_pb2, resource_pb2

from offline_preview import options
from offline_preview import outputs as invention
from offline_preview.arns import digest
from offline_preview.functions import invoke
from offline_preview.graph import Graph, Resource
from offline_preview.sources import own_lines
from offline_preview.values import UNKNOWN, UNKNOWN_WIRE, Secret, decode_struct, encode_struct

STACK_TYPE: Final = "pulumi:pulumi:Stack"
_STACK_REFERENCE: Final = "pulumi:pulumi:StackReference"
_FEATURES: Final = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_OUTPUT_VALUES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
)
# The names that SDKs without GetDeploymentInfo ask for.
_FEATURE_NAMES: Final = frozenset(
    {"secrets", "resourceReferences", "outputValues", "aliasSpecs", "deletedWith", "transforms", "resourceHooks", "errorHooks"}
)


class RecordingError(pulumi.RunError):
    """A program requested something that the engine would refuse, too."""


class RecordingMonitor:
    """Records a program's resources in ``graph``.

    :param deployed: invent the outputs that AWS would compute; otherwise leave them unknown, as the CLI's preview does.
    :param region: the region that invented names and ARNs carry where neither the resource nor its provider names one.
    :param stack_references: outputs by the name of the stack, for ``StackReference``; a value that is secret is a ``Secret``.
    :param root: the folder of the program; frames within it give the ``source`` of a resource.
    """

    def __init__(
        self,
        project: str,
        stack: str,
        *,
        organization: str = "organization",
        deployed: bool = False,
        region: str = "us-east-1",
        config: Mapping[str, str] | None = None,
        config_secret_keys: frozenset[str] = frozenset(),
        stack_references: Mapping[str, Mapping[str, Any]] | None = None,
        root: str = "",
    ) -> None:
        self.graph = Graph(project=project, stack=stack)
        self._organization = organization
        self._deployed = deployed
        self._region = region
        self._config = dict(config or {})
        self._secret_keys = config_secret_keys
        self._stack_references = dict(stack_references or {})
        self._root = root
        self._lock = threading.RLock()
        self._by_urn: dict[str, Resource] = {}
        self._lines: dict[str, list[str]] = {}
        self._registrations: dict[str, resource_pb2.RegisterResourceRequest] = {}
        self._stack_transforms: list[callback_pb2.Callback] = []
        self._channels: dict[str, grpc.Channel] = {}
        self._root_urn = ""

    # The resource monitor.

    def GetDeploymentInfo(self, _request: empty_pb2.Empty) -> resource_pb2.DeploymentInfo:
        """The kind of run, and the features that this monitor implements."""
        return resource_pb2.DeploymentInfo(
            project=self.graph.project,
            stack=self.graph.stack,
            organization=self._organization,
            config=self._config,
            configSecretKeys=sorted(self._secret_keys),
            dryRun=True,
            supportedFeatures=_FEATURES,
        )

    def SupportsFeature(self, request: resource_pb2.SupportsFeatureRequest) -> resource_pb2.SupportsFeatureResponse:
        """Whether this monitor implements a feature, by its old name."""
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in _FEATURE_NAMES)

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:
        """Records a resource, after transforms and inheritance, and answers with its URN, id and outputs."""
        if request.remote:
            raise RecordingError(
                f"resource {request.name} ({request.type}) is a remote component of another language; "
                "the offline preview runs Python components only. Preview this program with `pulumi preview`."
            )
        if request.type == STACK_TYPE:
            return self._register_stack(request)
        request = self._transformed(request)
        with self._lock:
            self._inherit(request)
            provider = request.provider
            if request.custom and not provider and not request.type.startswith("pulumi:"):
                provider = self._default_provider(request)
            resource = self._record(request, provider)
            self._registrations[resource.urn] = request
        return resource_pb2.RegisterResourceResponse(
            urn=resource.urn,
            id=resource.id,
            object=encode_struct(resource.outputs),
        )

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> empty_pb2.Empty:
        """Records a component's outputs, or the stack's."""
        values = decode_struct(request.outputs)
        with self._lock:
            if request.urn == self._root_urn:
                self.graph.outputs.update(values)
            self._by_urn[request.urn].outputs.update(values)
        return empty_pb2.Empty()

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:
        """Records a resource that exists already and is only read; its state is its id and what the program says of it."""
        inputs = decode_struct(request.properties)
        if request.type == _STACK_REFERENCE:
            inputs = self._stack_reference(request.name, inputs)
        with self._lock:
            urn = self._urn(request.parent, request.type, request.name)
            if request.type == _STACK_REFERENCE:
                found = inputs
            elif self._deployed:
                found = invention.invented(request.type, request.name, urn, inputs, self._region_of(request.provider))[1]
            else:
                found = invention.computed(request.type, inputs)
            self._add(
                Resource(
                    urn=urn,
                    type=request.type,
                    name=request.name,
                    custom=True,
                    parent=request.parent,
                    inputs=inputs,
                    outputs=found,
                    id=request.id,
                    dependencies=list(request.dependencies),
                    options={"external": True, **({"provider": request.provider} if request.provider else {})},
                ),
                self._own_lines(request.stackTrace),
            )
        response = resource_pb2.ReadResourceResponse(urn=urn, properties=encode_struct(found))
        # SDKs before 3.271 have no such field: they take the id that was asked for.
        if "id" in response.DESCRIPTOR.fields_by_name:
            response.id = request.id
        return response

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:
        """Answers a function of a provider, as far as it can be answered without an account."""
        arguments = decode_struct(request.args)
        if request.tok == "pulumi:pulumi:getResource":
            resource = self._by_urn.get(str(arguments.get("urn")))
            if resource is None:
                raise RecordingError(f"no resource has the URN {arguments.get('urn')}")
            answer: dict[str, Any] = {"urn": resource.urn, "id": resource.id or UNKNOWN, "state": resource.outputs}
        else:
            answer = invoke(request.tok, arguments, self._region_of(request.provider))
        response = resource_pb2.ResourceInvokeResponse()
        # `return` is a keyword, so the field has no other spelling.
        getattr(response, "return").CopyFrom(encode_struct(answer))
        return response

    def Call(self, request: resource_pb2.ResourceCallRequest) -> provider_pb2.CallResponse:
        """Methods of remote components have no answer offline."""
        raise RecordingError(f"the method {request.tok} cannot be called offline; preview this program with `pulumi preview`.")

    def RegisterStackTransform(self, callback: callback_pb2.Callback) -> empty_pb2.Empty:
        """Stores a transform that applies to every later resource."""
        with self._lock:
            self._stack_transforms.append(callback)
        return empty_pb2.Empty()

    def RegisterResourceHook(self, _request: resource_pb2.RegisterResourceHookRequest) -> empty_pb2.Empty:
        """Accepts a hook, and never runs it: nothing is created, changed or deleted here."""
        return empty_pb2.Empty()

    def RegisterErrorHook(self, _request: resource_pb2.RegisterErrorHookRequest) -> empty_pb2.Empty:
        """Accepts a hook for failed operations, of which there are none here."""
        return empty_pb2.Empty()

    def SignalAndWaitForShutdown(self, _request: empty_pb2.Empty) -> empty_pb2.Empty:
        """The program has ended."""
        for channel in self._channels.values():
            channel.close()
        return empty_pb2.Empty()

    # The engine service.

    def Log(self, request: engine_pb2.LogRequest) -> empty_pb2.Empty:
        """Shows what the program logs at level info and above on standard error."""
        if request.severity >= engine_pb2.INFO and not request.ephemeral:
            print(request.message, file=sys.stderr)
        return empty_pb2.Empty()

    def GetRootResource(self, _request: engine_pb2.GetRootResourceRequest) -> engine_pb2.GetRootResourceResponse:
        """The URN of the stack."""
        return engine_pb2.GetRootResourceResponse(urn=self._root_urn)

    def SetRootResource(self, request: engine_pb2.SetRootResourceRequest) -> engine_pb2.SetRootResourceResponse:
        """Stores the URN of the stack."""
        self._root_urn = request.urn
        return engine_pb2.SetRootResourceResponse()

    def RequirePulumiVersion(self, _request: engine_pb2.RequirePulumiVersionRequest) -> engine_pb2.RequirePulumiVersionResponse:
        """Accepts every range: there is no CLI here whose version could be outside it."""
        return engine_pb2.RequirePulumiVersionResponse()

    # Private helpers.

    def _urn(self, parent: str, type_token: str, name: str) -> str:
        chain = type_token
        if parent:
            qualified = parent.split("::")[2]
            if qualified != STACK_TYPE:
                chain = f"{qualified}${type_token}"
        return f"urn:pulumi:{self.graph.stack}::{self.graph.project}::{chain}::{name}"

    def _add(self, resource: Resource, lines: Sequence[str] = ()) -> None:
        """Records a resource; ``lines`` are the program's own that led to it, the innermost first."""
        if resource.urn in self._by_urn:
            raise RecordingError(
                f"Duplicate resource URN: two resources of type {resource.type} are named '{resource.name}'"
                f"{_places(self._lines[resource.urn], lines)}. Give one of them another name."
            )
        resource.source = next(iter(lines), "")
        self._by_urn[resource.urn] = resource
        self._lines[resource.urn] = list(lines)
        self.graph.resources.append(resource)

    def _register_stack(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:
        with self._lock:
            urn = self._urn("", request.type, request.name)
            self._root_urn = urn
            self._add(Resource(urn=urn, type=request.type, name=request.name, custom=False))
        return resource_pb2.RegisterResourceResponse(urn=urn)

    def _inherit(self, request: resource_pb2.RegisterResourceRequest) -> None:
        parent = self._registrations.get(request.parent)
        if parent is None:
            return
        if not request.deletedWith:
            request.deletedWith = parent.deletedWith
        if not request.HasField("protect") and parent.HasField("protect"):
            request.protect = parent.protect
        if not request.HasField("retainOnDelete") and parent.HasField("retainOnDelete"):
            request.retainOnDelete = parent.retainOnDelete
        for package, provider in parent.providers.items():
            if not request.custom and package not in request.providers:
                request.providers[package] = provider
        if not request.provider and request.custom:
            request.provider = parent.providers.get(request.type.split(":")[0], "")

    def _default_provider(self, request: resource_pb2.RegisterResourceRequest) -> str:
        package = request.type.split(":")[0]
        name = "default" + (f"_{request.version.replace('.', '_')}" if request.version else "")
        type_token = f"pulumi:providers:{package}"
        urn = self._urn("", type_token, name)
        if urn not in self._by_urn:
            prefix = f"{package}:"
            inputs: dict[str, Any] = {key.removeprefix(prefix): value for key, value in self._config.items() if key.startswith(prefix)}
            if request.version:
                inputs["version"] = request.version
            self._add(Resource(urn=urn, type=type_token, name=name, custom=True, inputs=inputs, outputs=dict(inputs)))
        return f"{urn}::{UNKNOWN_WIRE}"

    def _region_of(self, provider: str) -> str:
        """The region of a provider, given as URN and id; the stack's where it has none, or one that is unknown or secret."""
        resource = self._by_urn.get(provider.rpartition("::")[0])
        region = resource.inputs.get("region") if resource else None
        return region if isinstance(region, str) and region else self._region

    def _record(self, request: resource_pb2.RegisterResourceRequest, provider: str) -> Resource:
        urn = self._urn(request.parent, request.type, request.name)
        inputs = decode_struct(request.object)
        if request.type.startswith("pulumi:providers:") and request.version:
            # The engine adds the SDK's version to an explicit provider's inputs, too.
            inputs.setdefault("version", request.version)
        inputs = invention.checked(request.type, inputs) if request.custom else inputs
        # A component has no outputs but those that it registers.
        identity, found = "", dict(inputs) if request.custom else {}
        if request.type.startswith("pulumi:providers:"):
            identity = digest(urn, 36) if self._deployed else ""
        elif request.custom and self._deployed:
            identity, found = invention.invented(request.type, request.name, urn, inputs, self._region_of(provider))
        elif request.custom:
            found = invention.computed(request.type, inputs)
        resource = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            custom=request.custom,
            parent=request.parent,
            inputs=inputs,
            outputs=found,
            id=identity,
            dependencies=sorted(set(request.dependencies)),
            property_dependencies={
                key: sorted(set(value.urns)) for key, value in sorted(request.propertyDependencies.items()) if value.urns
            },
            options=options.recorded(request, provider),
        )
        self._add(resource, self._own_lines(request.stackTrace))
        return resource

    def _own_lines(self, trace: Any) -> list[str]:
        """The program's own lines in the stack trace of a registration, the innermost first."""
        return own_lines(((unquote(urlparse(frame.pc.uri).path), frame.pc.line) for frame in trace.frames), self._root)

    def _stack_reference(self, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        wanted = str(inputs.get("name") or name)
        known = self._stack_references.get(wanted)
        if known is None:
            raise RecordingError(
                f"the program reads the outputs of stack {wanted}, which are unknown offline. "
                f"Provide them in a file: --stack-reference {wanted}=FILE, written by `pulumi stack output --json --stack {wanted}`."
            )
        secrets = sorted(name for name, value in known.items() if isinstance(value, Secret))
        return {"name": wanted, "outputs": dict(known), "secretOutputNames": secrets}

    def _transformed(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceRequest:
        callbacks = list(request.transforms)
        parent = request.parent
        while parent:
            ancestor = self._registrations.get(parent)
            callbacks.extend(ancestor.transforms if ancestor else ())
            parent = self._by_urn[parent].parent if parent in self._by_urn else ""
        callbacks.extend(self._stack_transforms)
        if not callbacks:
            return request
        changed = resource_pb2.RegisterResourceRequest()
        changed.CopyFrom(request)
        for callback in callbacks:
            message = resource_pb2.TransformRequest(
                type=changed.type,
                name=changed.name,
                custom=changed.custom,
                parent=changed.parent,
                properties=changed.object,
                options=options.for_transform(changed),
            )
            answer = self._callback(callback, message)
            changed.object.CopyFrom(answer.properties)
            if answer.HasField("options"):
                options.apply(changed, answer.options)
        return changed

    def _callback(self, callback: callback_pb2.Callback, message: resource_pb2.TransformRequest) -> resource_pb2.TransformResponse:
        with self._lock:
            channel = self._channels.setdefault(callback.target, grpc.insecure_channel(callback.target))
        stub = callback_pb2_grpc.CallbacksStub(channel)
        try:
            answer = stub.Invoke(callback_pb2.CallbackInvokeRequest(token=callback.token, request=message.SerializeToString()))
        except grpc.RpcError as error:
            details = error.details() if isinstance(error, grpc.Call) else str(error)
            raise RecordingError(f"a transform failed on {message.name} ({message.type}): {details}") from error
        return resource_pb2.TransformResponse.FromString(answer.response)


def _places(first: Sequence[str], second: Sequence[str]) -> str:
    """Where two resources are registered: the innermost lines that differ, since a function may be called twice."""
    differing = [pair for pair in zip_longest(first, second, fillvalue="") if pair[0] != pair[1]]
    if differing:
        return f", at {' and '.join(place for place in differing[0] if place)}"
    return f", both at {first[0]}" if first else ""
