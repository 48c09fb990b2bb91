"""Bootstrap: versioned scripts that new instances fetch from S3, check and run. The arguments are in ``arguments``."""
