"""Preview Pulumi Python programs and run their policy packs without the CLI, a plugin, an account or the network."""
