"""Direct object upload: presigned forms with which browsers send objects to S3 themselves, and the scan of what arrives."""
