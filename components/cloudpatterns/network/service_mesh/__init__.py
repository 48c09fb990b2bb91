"""Service Mesh on VPC Lattice: ``component`` and the target groups of ``versions``, its ``arguments``, and the ``checks`` over them."""

from cloudpatterns.network.service_mesh.arguments import MeshCanaryArgs, MeshServiceArgs, MeshVersionArgs, ServiceMeshArgs
from cloudpatterns.network.service_mesh.component import ServiceMesh

__all__ = ["MeshCanaryArgs", "MeshServiceArgs", "MeshVersionArgs", "ServiceMesh", "ServiceMeshArgs"]
