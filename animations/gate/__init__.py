"""The film of noise like |H| that lets no path out, and of SGD's finite steps, which jump."""
