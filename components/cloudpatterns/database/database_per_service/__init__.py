"""A store for each service, which no other service reaches."""
