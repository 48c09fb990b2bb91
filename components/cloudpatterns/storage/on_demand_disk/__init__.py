"""Volumes that join to one disk of an instance: ``OnDemandDisk`` and its boot script."""
