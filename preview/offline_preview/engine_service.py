"""The part of the engine's service that a policy pack may call: a pack gets its address on the command line."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import empty_pb2

from offline_preview import protos


class EngineServer:
    """Listens on a free local port, at ``address``, until ``stop``. ``log`` gets the log messages of packs, except debug messages."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._pb = protos.load("engine_pb2")
        self._log = log
        self._root = ""
        self._server = grpc.server(ThreadPoolExecutor(max_workers=4, thread_name_prefix="engine"))
        protos.load("engine_pb2_grpc").add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        """Stops listening at once."""
        self._server.stop(None)

    def Log(self, request: Any, _context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Forwards a message."""
        if request.severity > self._pb.DEBUG and request.message:
            self._log(request.message)
        return empty_pb2.Empty()

    def GetRootResource(self, _request: Any, _context: grpc.ServicerContext) -> Any:
        """The URN that ``SetRootResource`` set."""
        return self._pb.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any, _context: grpc.ServicerContext) -> Any:
        """Stores the URN."""
        self._root = request.urn
        return self._pb.SetRootResourceResponse()

    def StartDebugging(self, _request: Any, _context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Nothing to do: no debugger is ever attached here."""
        return empty_pb2.Empty()

    def RequirePulumiVersion(self, _request: Any, _context: grpc.ServicerContext) -> Any:
        """Accepts every range: there is no CLI here whose version could be outside it."""
        return self._pb.RequirePulumiVersionResponse()
