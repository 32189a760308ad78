"""`python -m maos_flows.cli`: the `maos` command where its script is not on the path."""

from maos_flows.cli.app import main

if __name__ == "__main__":
    main()
