"""How flow runs are named after what they are about."""

_LONGEST = 60


def run_name(text: str) -> str:
    """Give a flow run's name: a text's words on one line of at most 60 characters; empty if there are none."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
