"""What the HTML door and the JSON door share: runners, limits, middleware."""
