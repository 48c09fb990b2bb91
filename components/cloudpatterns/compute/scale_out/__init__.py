"""Scale-Out: an Auto Scaling group, its arguments and the rules over them. The types within the arguments are in ``arguments``."""

from cloudpatterns.compute.scale_out.arguments import ScaleOutArgs, ScaleOutOptions
from cloudpatterns.compute.scale_out.component import ScaleOut

__all__ = ["ScaleOut", "ScaleOutArgs", "ScaleOutOptions"]
