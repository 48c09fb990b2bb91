"""A stand-in for the AWS provider plugin: it speaks the engine's protocol and keeps nothing in any cloud.

Inputs pass Check as they are; in a preview every output that AWS computes is unknown, in an update it is invented from the
SDK's annotations, as the offline preview does.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pulumi_aws  # registers the resource classes whose annotations tell the outputs
from google.protobuf import empty_pb2
from offline_preview import outputs
from offline_preview.values import decode_struct, encode_struct
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

VERSION = pulumi_aws._utilities.get_version()


class StandInProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The methods that a preview, an update and a destroy call."""

    def __init__(self) -> None:
        self._region = "us-east-1"

    def Handshake(self, request: Any, context: Any) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True, accept_outputs=False)

    def Attach(self, request: Any, context: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: provider_pb2.ConfigureRequest, context: Any) -> provider_pb2.ConfigureResponse:
        region = decode_struct(request.args).get("region")
        if isinstance(region, str):
            self._region = region
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True, acceptOutputs=False)

    def Check(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        old, new = decode_struct(request.old_inputs), decode_struct(request.news)
        changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
        kind = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=kind, diffs=changed)

    def Create(self, request: provider_pb2.CreateRequest, context: Any) -> provider_pb2.CreateResponse:
        inputs = decode_struct(request.properties)
        type_token, name = _type_and_name(request.urn)
        if request.preview:
            return provider_pb2.CreateResponse(id="", properties=encode_struct(outputs.computed(type_token, inputs)))
        identity, found = outputs.invented(type_token, name, request.urn, inputs, self._region)
        known = {key: value for key, value in found.items() if value is not outputs.UNKNOWN}
        return provider_pb2.CreateResponse(id=identity, properties=encode_struct(known))

    def Update(self, request: provider_pb2.UpdateRequest, context: Any) -> provider_pb2.UpdateResponse:
        return provider_pb2.UpdateResponse(properties=encode_struct({**decode_struct(request.olds), **decode_struct(request.news)}))

    def Read(self, request: provider_pb2.ReadRequest, context: Any) -> provider_pb2.ReadResponse:
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: Any, context: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()


def _type_and_name(urn: str) -> tuple[str, str]:
    _prefix, _project, types, name = urn.split("::", 3)
    return types.rsplit("$", 1)[-1], name


def main() -> None:
    """Serves on a free port and prints it, as the engine wants a plugin to."""
    # One at a time: the SDK loads its modules lazily, which two threads must not do at once.
    server = grpc.server(ThreadPoolExecutor(max_workers=1), options=[("grpc.max_receive_message_length", 400 * 1024 * 1024)])
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(StandInProvider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
