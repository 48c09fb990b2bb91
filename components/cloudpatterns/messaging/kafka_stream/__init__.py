"""Records in Kafka topics: an MSK cluster, serverless or of brokers, with its topics, producers and consumers."""
