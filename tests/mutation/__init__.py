"""Mutation testing of the policies; see docs/testing.md."""
