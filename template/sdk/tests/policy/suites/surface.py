"""Required case of a class that customers use (policy: "API compatibility tests")."""

from pytest_tpgen import surface


class SurfaceSuite(surface.SurfaceSuite):
    """The public surface of a class is the one that the test states.

    State `of`, the class as customers import it, and `stub`, its public members as in a `.pyi`
    file. `tpgen sdk Agent` writes both; `tpgen sdk Agent --accept` records an intended change.
    """

    def test_signature(self, member: str) -> None:
        """Each public member has the signature in `stub`, and each one in `stub` is there.

        There is a case for each member, such as `test_signature[chat]`, and for the class line. A
        failure says whether the change is breaking, and the version that it needs.
        """
        surface.check(self.of, self.stub, member)
