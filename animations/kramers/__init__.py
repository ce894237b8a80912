"""The film of particles that leave a sharp and a flat valley."""
