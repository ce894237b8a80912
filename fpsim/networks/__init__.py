"""SGD in all parameters of a network, many replicas at once (needs torch, loaded late).

A small network of known layers is written out and compiled (:mod:`landscapes.networks.network_code`): ``MiniBatchSGD``
and ``NetworkSGD`` in :func:`fpsim.exit_iterations` and :func:`fpsim.split_iterations` take that by themselves, with the
draws of the engines here.
"""
