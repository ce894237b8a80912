"""A page in the browser on which landscapes and noise are played with: ``fpsim explore``, extra ``explore``.

    address  ->  Settings  ->  EscapeProblem  ->  numbers and curves  ->  page

The page computes no physics: every number on it is one of the library, for the settings that its address holds.
"""
