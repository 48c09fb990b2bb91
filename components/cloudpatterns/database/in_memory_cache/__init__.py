"""A cache in memory: an ElastiCache replication group, or a serverless cache."""
