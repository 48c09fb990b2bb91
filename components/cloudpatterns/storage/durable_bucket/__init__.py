"""Durable storage: an S3 bucket with its lifecycle, the services that write logs into it, and its replication."""
