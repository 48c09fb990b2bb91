"""Groups of resources that many patterns make; no components."""

from cloudpatterns.blocks.layer import runtime_layer

__all__ = ["runtime_layer"]
