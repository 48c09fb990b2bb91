"""A small storefront application: what it needs to run on the servers that the stacks create."""
