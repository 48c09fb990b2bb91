"""Operations: how a change reaches an account, and when what it runs is stopped."""

from cloudpatterns.operations.delivery_pipeline import DeliveryEnvironment, DeliveryPipeline, DeliveryPipelineArgs
from cloudpatterns.operations.office_hours.arguments import OfficeHoursArgs, OfficeHoursOptions
from cloudpatterns.operations.office_hours.component import OfficeHours

__all__ = [
    "DeliveryEnvironment",
    "DeliveryPipeline",
    "DeliveryPipelineArgs",
    "OfficeHours",
    "OfficeHoursArgs",
    "OfficeHoursOptions",
]
