"""Every vendor Zmarty talks to, on one port: real wire formats over one shared, clearly simulated market."""
