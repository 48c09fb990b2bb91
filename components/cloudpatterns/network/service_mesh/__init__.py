"""Service Mesh on VPC Lattice: ``component`` creates it, ``versions`` the target groups, ``arguments`` and ``checks`` say what it takes."""

from cloudpatterns.network.service_mesh.arguments import MeshCanaryArgs, MeshServiceArgs, MeshVersionArgs, ServiceMeshArgs
from cloudpatterns.network.service_mesh.component import ServiceMesh

__all__ = ["MeshCanaryArgs", "MeshServiceArgs", "MeshVersionArgs", "ServiceMesh", "ServiceMeshArgs"]
