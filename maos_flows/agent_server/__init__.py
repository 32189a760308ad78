"""The agent server: puts a voter behind a URL, with a key of its own, by the protocol that `http` voters speak."""
