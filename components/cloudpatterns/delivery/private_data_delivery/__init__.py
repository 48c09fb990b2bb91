"""The pattern Private Data Delivery: its component and arguments, and ``on_aws`` with the functions that sign."""
