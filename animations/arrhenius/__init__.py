"""The film of escape times against S/eta."""
