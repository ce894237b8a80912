"""What every film is made of."""
