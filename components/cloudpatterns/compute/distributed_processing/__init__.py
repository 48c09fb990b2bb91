"""Distributed processing: jobs of AWS Batch on Fargate, or an application of EMR Serverless, between two buckets."""
