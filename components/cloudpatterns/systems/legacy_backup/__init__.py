"""Legacy backup: a legacy system as a hot copy in PostgreSQL and cold copies in S3, see ``component``."""
