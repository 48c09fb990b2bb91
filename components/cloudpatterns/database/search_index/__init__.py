"""An OpenSearch index: a domain, or a serverless collection."""
