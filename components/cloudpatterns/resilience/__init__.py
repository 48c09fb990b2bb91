"""Resilience: what keeps a failure small."""

from cloudpatterns.resilience.shuffle_sharding import ShardWorkerArgs, ShuffleSharding, ShuffleShardingArgs, ShuffleShardingOptions

__all__ = ["ShardWorkerArgs", "ShuffleSharding", "ShuffleShardingArgs", "ShuffleShardingOptions"]
