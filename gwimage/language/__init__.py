"""The profile language: YAML with positions, the schema, its messages and suggestions, sites, files that a profile names."""
