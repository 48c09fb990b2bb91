"""The stand-in for the AWS provider plugin: it implements the engine's protocol and stores its resources in a file.

Environment: ``STAND_IN_CLOUD`` is the file of the account (without it nothing is stored, and nothing conflicts),
``STAND_IN_FAULTS`` the requested faults (see ``faults``), ``STAND_IN_DELAY_MS`` the delay of the response to a change.
"""

import os
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NoReturn

import grpc
import pulumi_aws  # registers the resource classes whose annotations define inputs and outputs
from google.protobuf import any_pb2, empty_pb2
from offline_preview import functions, outputs
from offline_preview.differences import difference
from offline_preview.provider_facts import RENEWED
from offline_preview.values import UNKNOWN, decode_struct, encode_struct
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from sandbox import faults, names
from sandbox.cloud import Cloud, RefusedError, restored
from sandbox.properties import failures

VERSION = pulumi_aws._utilities.get_version()


class StandInProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The methods that a preview, an update, a refresh, an import and a destroy call."""

    def __init__(self, cloud: Cloud | None = None, wanted: faults.Faults | None = None, delay_seconds: float = 0) -> None:
        self._cloud = cloud
        self._faults = wanted or faults.Faults([])
        self._delay = delay_seconds
        self._region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        # The SDK loads its modules lazily, which two threads must not do at once; the account has one connection.
        self._lock = threading.Lock()
        self._cancelled = threading.Event()

    def Handshake(self, request: Any, context: Any) -> provider_pb2.ProviderHandshakeResponse:
        """The features of this provider."""
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True, accept_outputs=False)

    def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Nothing to attach to: it is the engine that starts this provider."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        """The version of the SDK, which is the version that programs ask for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        """Accepts any configuration; no authentication is needed."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        """Another region is another provider, with other resources."""
        old, new = decode_struct(request.old_inputs or request.olds), decode_struct(request.news)
        if old.get("region") == new.get("region"):
            return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_SOME, diffs=["region"], replaces=["region"])

    def Configure(self, request: provider_pb2.ConfigureRequest, context: Any) -> provider_pb2.ConfigureResponse:
        """Stores the region; other configuration is not needed without an account."""
        region = decode_struct(request.args).get("region")
        if isinstance(region, str):
            self._region = region
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True, acceptOutputs=False)

    def Invoke(self, request: provider_pb2.InvokeRequest, context: Any) -> provider_pb2.InvokeResponse:
        """Functions answer as in the offline preview; one that the SDK does not have is refused."""
        with self._lock:
            if not functions.is_known(request.tok, self._region):
                self._refuse(context, f"the stand-in, which follows pulumi-aws {VERSION}, has no function {request.tok}")
            if self._cloud is not None and not functions.is_computed(request.tok):
                self._cloud.ask(request.tok)
            answer = functions.invoke(request.tok, decode_struct(request.args), self._region)
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(encode_struct(answer))  # a keyword of Python
        return response

    def Check(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        """Refuses invalid properties, and generates the name."""
        token = _token(request.urn)
        with self._lock:
            news = outputs.checked(token, decode_struct(request.news))
            news = {name: value for name, value in news.items() if value is not None}
            found = failures(token, news)
            inputs, unnamed = names.named(request, token, news, decode_struct(request.olds))
        if refused := [*found, *unnamed]:
            return provider_pb2.CheckResponse(
                failures=[provider_pb2.CheckFailure(property=one.property, reason=f"{one.property} {one.reason}") for one in refused]
            )
        return provider_pb2.CheckResponse(inputs=encode_struct(inputs))

    def Diff(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        """The changes, and which of them replace the resource."""
        found = difference(_kind(request.urn), decode_struct(request.old_inputs), decode_struct(request.news))
        some = provider_pb2.DiffResponse.DIFF_SOME if found.changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=some, diffs=found.changed, replaces=found.replaces, deleteBeforeReplace=found.delete_first)

    def Create(self, request: provider_pb2.CreateRequest, context: Any) -> provider_pb2.CreateResponse:
        """Creates it, or in a preview returns its known outputs."""
        inputs = decode_struct(request.properties)
        token, kind = _token(request.urn), _kind(request.urn)
        with self._lock:
            if request.preview:
                return provider_pb2.CreateResponse(id="", properties=encode_struct(outputs.computed(token, inputs)))
            region = self._region_of(inputs)
            identity, found = names.made(token, request.urn.rpartition("::")[2], inputs, region)

        def act() -> None:
            if self._cloud is not None:
                self._cloud.create(kind, region, request.urn, (identity, inputs, found))

        self._change("create", act, context, identity, found)
        return provider_pb2.CreateResponse(id=identity, properties=encode_struct(found))

    def Update(self, request: provider_pb2.UpdateRequest, context: Any) -> provider_pb2.UpdateResponse:
        """Changes it in place."""
        kind = _kind(request.urn)
        olds, news, before = (decode_struct(struct) for struct in (request.olds, request.news, request.old_inputs))
        found = {**{name: value for name, value in olds.items() if name in news or name not in before}, **news}
        for name in RENEWED.get(kind, ()):
            found[name] = UNKNOWN if request.preview else int(olds.get(name) or 0) + 1
        if request.preview:
            return provider_pb2.UpdateResponse(properties=encode_struct(found))

        def act() -> None:
            if self._cloud is not None:
                self._cloud.update(kind, self._region_of(olds), request.urn, (request.id, news, found))

        self._change("update", act, context, request.id, found)
        return provider_pb2.UpdateResponse(properties=encode_struct(found))

    def Read(self, request: provider_pb2.ReadRequest, context: Any) -> provider_pb2.ReadResponse:
        """The resource in the account; an empty id when it does not exist."""
        if self._cloud is None:
            return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
        if self._faults.of("read"):
            self._refuse(context, "RequestLimitExceeded: a requested fault")
        properties, inputs = decode_struct(request.properties), decode_struct(request.inputs)
        with self._lock:
            found = self._cloud.read(_kind(request.urn), self._region_of(properties), request.id)
        if found is None:
            return provider_pb2.ReadResponse(id="")
        return provider_pb2.ReadResponse(
            id=found.id,
            properties=encode_struct(restored(found.outputs, properties)),
            inputs=encode_struct(restored(found.inputs, inputs)),
        )

    def Delete(self, request: provider_pb2.DeleteRequest, context: Any) -> empty_pb2.Empty:
        """Deletes it, unless AWS would refuse."""

        def act() -> None:
            if self._cloud is not None:
                self._cloud.delete(_kind(request.urn), self._region_of(decode_struct(request.properties)), request.id)

        self._change("delete", act, context, request.id, {})
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        """Ends hanging calls."""
        self._cancelled.set()
        return empty_pb2.Empty()

    def _region_of(self, properties: Mapping[str, Any]) -> str:
        region = properties.get("region")
        return region if isinstance(region, str) else self._region

    def _change(self, operation: str, act: Any, context: Any, identity: str, found: Mapping[str, Any]) -> None:
        """Runs the operation in the account, or the fault of this call."""
        fault = self._faults.of(operation)
        if fault == "crash":
            faults.crash()
        if fault == "hang":
            self._cancelled.wait()
        if fault in ("fail", "hang"):
            self._refuse(context, f"InternalError: a requested fault: {operation} {fault}")
        try:
            with self._lock:
                act()
        except RefusedError as error:
            self._refuse(context, str(error))
        if fault == "crash-after":
            faults.crash()
        if self._delay:
            time.sleep(self._delay)
        if fault == "partial":
            _half_done(context, identity, found)
        if fault == "lost":
            self._refuse(context, f"RequestTimeout: a requested fault: {operation} lost")

    @staticmethod
    def _refuse(context: Any, message: str) -> NoReturn:
        context.abort(grpc.StatusCode.UNKNOWN, message)
        raise AssertionError("abort raises")


def _half_done(context: Any, identity: str, found: Mapping[str, Any]) -> NoReturn:
    """The provider's error for a resource that was created but did not become ready."""
    reason = "timeout while waiting for state to become 'available': a requested fault"
    detail = any_pb2.Any()
    detail.Pack(provider_pb2.ErrorResourceInitFailed(id=identity, properties=encode_struct(found), reasons=[reason]))
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reason, details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, reason)
    raise AssertionError("abort raises")


def _token(urn: str) -> str:
    return urn.split("::", 3)[2].rsplit("$", 1)[-1]


def _kind(urn: str) -> str:
    return _token(urn).partition(":")[2]


def _end_with(parent: int) -> None:
    """Ends this process when the engine has ended, even if it was killed."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)


def main() -> None:
    """Serves on a free port and prints it, as the engine expects of a plugin."""
    file = os.environ.get("STAND_IN_CLOUD")
    provider = StandInProvider(
        Cloud(Path(file)) if file else None,
        faults.Faults(faults.parse(os.environ.get("STAND_IN_FAULTS", ""))),
        float(os.environ.get("STAND_IN_DELAY_MS") or 0) / 1000,
    )
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    server = grpc.server(ThreadPoolExecutor(max_workers=32), options=[("grpc.max_receive_message_length", 400 * 1024 * 1024)])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
