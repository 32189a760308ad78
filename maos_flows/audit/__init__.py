"""The audit store: what was asked, who answered what, how it was decided, kept so that it can be read a year later."""
