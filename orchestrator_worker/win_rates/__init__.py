"""Win rates: how signals ended, and how often such signals were right."""
