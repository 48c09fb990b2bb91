"""``scale_out``."""

from cloudpatterns.compute.scale_out.component import ScaleOut, ScaleOutActionArgs, ScaleOutArgs, ScaleOutDiskArgs

__all__ = ["ScaleOut", "ScaleOutActionArgs", "ScaleOutArgs", "ScaleOutDiskArgs"]
