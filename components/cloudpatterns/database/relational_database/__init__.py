"""A relational database: an RDS instance with a standby, or an Aurora cluster."""
