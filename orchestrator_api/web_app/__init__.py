"""The built web app (web/dist), served where it is there."""
