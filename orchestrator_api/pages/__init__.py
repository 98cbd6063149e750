"""The pages the API serves itself: the documentation, and a start page where no web app is built. Offline, without inline scripts."""
