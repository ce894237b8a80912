"""Every theory of an escape in all parameters, at one place (:mod:`fpsim.action.theories`):

    ln(iterations) = V S/eta + ln A(eta) + c S

V the least action in all parameters, of mini-batches (Cramer) or of Gaussian noise of their covariance C(x); of one
dimension along the valley's floor; Kramers' 2 dL/C with C along e at saddle or minimum; or that of white noise of the
same trace.  A and c where a theory has them.
"""

from __future__ import annotations

from typing import Any

from validation.full_space.places import TWINS, place_of
from validation.study.findings import Rows

CRAMER, GAUSS = "cramer", "gauss"
FLOOR_CRAMER, FLOOR_GAUSS = "floor, cramer", "floor, gauss"
AT_SADDLE, AT_MINIMUM, ISOTROPIC = "kramers, C(b)", "kramers, C(a)", "isotropic"
NAMES = {
    CRAMER: "least action, Cramer", GAUSS: "least action, Gauss", FLOOR_CRAMER: "valley floor, Cramer",
    FLOOR_GAUSS: "valley floor, Gauss", AT_SADDLE: "Kramers with C(b)", AT_MINIMUM: "Kramers with C(a)",
    ISOTROPIC: "isotropic noise of the same trace",
}  # fmt: skip


def theory_rows(
    network: str, decay: float, eta: float, pieces: int, points: int, floor: float, sizes: Any = (), side: str = TWINS
) -> Rows:
    """All theories at one place, and what finite noise adds to them at some batch sizes (on the valley's floor)."""
    from fpsim import MiniBatchSGD
    from fpsim.action.theories import theories
    from fpsim.networks.one_thread import one_thread

    place = place_of(network, decay, side)
    with one_thread():
        found = theories(
            MiniBatchSGD(place.landscape, eta, 1), place.minimum, place.saddle, floor=floor, pieces=pieces,
            points=points, end=float(place.along(place.twin)),
        )  # fmt: skip
        added = {int(size): found.finite_noise(eta, int(size)) for size in sizes}
    at = {"network": network, "decay": decay, "side": side, "eta": eta}
    rows = [
        {
            **at, "theory": one.name, "S": 0, "slope": one.slope, "error": one.slope_error,
            "ln prefactor": one.log_prefactor, "by steps": one.by_steps, "per S": one.per_batch, "note": one.note,
        }
        for one in found.rows
    ]  # fmt: skip
    return rows + [
        {
            **at, "theory": "finite noise on the floor", "S": size, "slope": 0.0, "error": 0.0,
            "ln prefactor": float(value), "by steps": 0.0, "per S": 0.0, "note": "added to ln(iterations) at this S",
        }
        for size, value in added.items()
    ]  # fmt: skip
