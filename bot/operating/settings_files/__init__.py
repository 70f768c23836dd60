"""Settings of a server in a YAML file, documented in docs/settings-file.md."""
