"""The parts of the program: each creates what a section of the settings asks for, and exports what people need of it."""

from program.internet_egress import deploy_nat
from program.storefront import deploy_storefront, storefront_parts
from program.systems import Place, deploy_systems, schedule_tags

__all__ = ["Place", "deploy_nat", "deploy_storefront", "deploy_systems", "schedule_tags", "storefront_parts"]
