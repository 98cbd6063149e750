"""What Zmarty costs, measured on the production code path, against a peer or a limit, in one run on one machine."""
