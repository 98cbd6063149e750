"""Pictures drawn by our own hand: small SVGs that need nothing from outside and follow a reader's light or dark."""
