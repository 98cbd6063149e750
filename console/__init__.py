"""The operator's command line: the verbs of production. Local ones join it when local_stack is installed."""
