"""Snapshot: AWS Backup with a locked vault, copies and restore tests, or Data Lifecycle Manager for disks alone."""
