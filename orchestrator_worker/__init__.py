"""The worker: job messages become effects, one transaction each; and the relay that carries changes from A to B."""
