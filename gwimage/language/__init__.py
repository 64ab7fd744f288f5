"""The profile language: YAML with positions, schema, messages and suggestions, sites, referenced files, external secrets."""
