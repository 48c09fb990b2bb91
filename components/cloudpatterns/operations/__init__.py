"""Operations: how a change reaches an account."""

from cloudpatterns.operations.delivery_pipeline import DeliveryEnvironment, DeliveryPipeline, DeliveryPipelineArgs

__all__ = ["DeliveryEnvironment", "DeliveryPipeline", "DeliveryPipelineArgs"]
