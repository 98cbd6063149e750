"""The pages the API serves itself: a landing page, the documentation, the operators' page. Offline, without inline scripts."""
