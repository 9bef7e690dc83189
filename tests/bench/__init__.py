"""What `make bench` runs. Not part of `make test`, which asserts only what does not depend on a machine."""
