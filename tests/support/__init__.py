"""The harness of the end-to-end tests: a real Redis, real pods, an app stub with fault modes, a raw WebSocket client.

Nothing but Debian's packages, everything on 127.0.0.1 and on ports that the kernel chooses.
"""
