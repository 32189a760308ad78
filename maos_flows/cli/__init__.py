"""The `maos` command: one file a noun. A command parses, calls one function, prints."""
