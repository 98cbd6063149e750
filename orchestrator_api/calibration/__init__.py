"""How well the confidences of signals were kept."""
