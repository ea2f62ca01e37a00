"""The command `creditbase`: what a person types to run the service.

A thin door to the same use cases as the admin's endpoints, on an operator's own machine. It is
never deployed: it stands above every room, and no room may import it, Typer or Rich.
"""
