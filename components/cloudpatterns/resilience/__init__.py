"""Resilience: what keeps a failure small."""

from cloudpatterns.resilience.circuit_breaker.arguments import (
    CircuitBreakerArgs,
    CircuitBreakerDependencyOptions,
    CircuitBreakerOptions,
    CircuitBreakerTableArgs,
)
from cloudpatterns.resilience.circuit_breaker.component import CircuitBreaker
from cloudpatterns.resilience.deep_health_check.arguments import (
    DeepHealthCheckArgs,
    DeepHealthCheckOptions,
    HealthHttpArgs,
    HealthLayerArgs,
    HealthQueueArgs,
    HealthTableArgs,
    HealthTcpArgs,
)
from cloudpatterns.resilience.deep_health_check.component import DeepHealthCheck, health_function
from cloudpatterns.resilience.retry_policy import RetryPolicy, RetryPolicyArgs, RetryPolicyOptions
from cloudpatterns.resilience.shuffle_sharding import ShardWorkerArgs, ShuffleSharding, ShuffleShardingArgs, ShuffleShardingOptions

__all__ = [
    "CircuitBreaker",
    "CircuitBreakerArgs",
    "CircuitBreakerDependencyOptions",
    "CircuitBreakerOptions",
    "CircuitBreakerTableArgs",
    "DeepHealthCheck",
    "DeepHealthCheckArgs",
    "DeepHealthCheckOptions",
    "HealthHttpArgs",
    "HealthLayerArgs",
    "HealthQueueArgs",
    "HealthTableArgs",
    "HealthTcpArgs",
    "RetryPolicy",
    "RetryPolicyArgs",
    "RetryPolicyOptions",
    "ShardWorkerArgs",
    "ShuffleSharding",
    "ShuffleShardingArgs",
    "ShuffleShardingOptions",
    "health_function",
]
