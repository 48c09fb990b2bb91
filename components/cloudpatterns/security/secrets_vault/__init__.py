"""Secrets Management: secrets with their resource policies, values and rotation, and a rotation function."""
