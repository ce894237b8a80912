"""SGD on residual networks: which theory of escape survives?"""
