"""Approved templates that people launch without the rights to create what is in them."""
