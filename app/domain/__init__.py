"""The rules and the words. Standard library only; today is always an argument."""
