"""The program: settings of the stack -> network -> storefront, internet egress, and the systems of the other sections."""

import gc
from typing import Any

# The SDK's modules are a million objects that all stay. Looking for garbage among them again and again takes a third of a preview's start.
gc.disable()

import pulumi
from cloudpatterns.network import Network

import settings
from program import Place, deploy_nat, deploy_storefront, deploy_systems, schedule_tags, storefront_parts

gc.freeze()
gc.enable()

stack = settings.load()
tags: dict[str, pulumi.Input[str]] = {**stack.tags}
topics: list[pulumi.Input[str]] = []
parts: dict[str, Any] = {}
network = None

if stack.network is not None:
    network = Network("network", {**stack.network.as_args("nat"), "tags": tags})
    if stack.shop is not None:
        shop = deploy_storefront(stack.shop, network, {**tags, **schedule_tags(stack)})
        topics = [*stack.shop.storefront.alarm_topic_arns]
        parts = storefront_parts(stack.shop, shop)
        if stack.shop.storefront.alarm_email_addresses:
            topics.append(shop.alarm_topic_arn)
    nat = deploy_nat(stack.network, network, alarm_topic_arns=topics, tags=tags)
    pulumi.export("vpc_id", network.vpc_id)
    pulumi.export("private_subnets", network.private_subnet_ids_by_zone)

deploy_systems(stack, Place(network, topics, tags, parts))
