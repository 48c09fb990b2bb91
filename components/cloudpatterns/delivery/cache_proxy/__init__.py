"""Cache Proxy: a group of caching proxies, its arguments, its configuration and the documents that purge it."""
