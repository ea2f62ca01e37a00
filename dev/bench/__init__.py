"""What is measured: each module has one `run` that returns plain figures."""
