"""The factories of the sample service."""

import factory
import notes
from pytest_tpgen.factory import AsyncSQLAlchemyFactory


class TenantFactory(AsyncSQLAlchemyFactory[notes.Tenant]):
    class Meta:
        model = notes.Tenant

    key = factory.Sequence(lambda n: f"key-{n}")


class NoteFactory(AsyncSQLAlchemyFactory[notes.Note]):
    class Meta:
        model = notes.Note
        exclude = ("tenant",)

    tenant = factory.SubFactory(TenantFactory)
    tenant_id = factory.SelfAttribute("tenant.id")
    text = factory.Faker("word")
