"""What a developer's commands are made of: installing, the emulators, the stack, the demo.

Never deployed.
"""
