"""The film of paths that cross the saddle of a surface."""
