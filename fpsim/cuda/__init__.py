"""The path kernels on an NVIDIA GPU: one thread per path, the same formulas and the same random words as on the CPU.

Nothing here is imported before a caller asks for ``device="cuda"`` (or ``"auto"``, for work that is large enough).
"""
