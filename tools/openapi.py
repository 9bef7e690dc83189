"""Writes docs/openapi.json afresh: `.venv/bin/python -m tools.openapi`. A test compares it with what is served."""

from pathlib import Path

from app.api import operations
from app.api.reference import openapi_json

TARGET = Path(__file__).parents[1] / "docs" / "openapi.json"

if __name__ == "__main__":
    TARGET.write_bytes(openapi_json(operations) + b"\n")
