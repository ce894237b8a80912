"""Slopes and prefactors of the escape-time theorem of Xie, Sato and Sugiyama (2021), against exact times."""
