"""The whole system on one machine, without Docker. Development only: production code never imports it."""
