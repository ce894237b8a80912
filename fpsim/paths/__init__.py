"""Random paths: Euler-Maruyama in compiled blocks, exits, walls."""
