"""Spectra of Hessians; the same function, rescaled: what sharpness is not."""
