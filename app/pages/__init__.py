"""The HTML door: a router per noun. Pages ask services and print what comes back."""
