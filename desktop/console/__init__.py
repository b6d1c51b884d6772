"""What the console's pages ask of the engine: one module a page, which connects its signals to the bridge.

Pages know neither the bridge nor the engine's parts; the application knows none of these details.
"""
