"""``service_mesh``."""

from cloudpatterns.network.service_mesh.component import MeshCanaryArgs, MeshServiceArgs, ServiceMesh, ServiceMeshArgs
from cloudpatterns.network.service_mesh.versions import MeshVersionArgs

__all__ = ["MeshCanaryArgs", "MeshServiceArgs", "MeshVersionArgs", "ServiceMesh", "ServiceMeshArgs"]
